"""Agreement: what counts as the same figure, and what does not."""

import numpy as np
import pytest

from benchmarks.agreement import TOLERANCE, agreement, untouched

RNG = np.random.default_rng(0)
THEIRS = RNG.normal(0.0, 2.0, (5, 40))
EVERYWHERE = np.ones(THEIRS.shape, dtype=bool)


def moved(cell: tuple[int, int], by: float) -> np.ndarray:
    ours = THEIRS.copy()
    ours[cell] += by
    return ours


def test_equal_columns_agree_to_nothing() -> None:
    found = agreement(THEIRS, THEIRS, EVERYWHERE)
    assert (found.worst, found.share_apart, found.common, found.within) == (0.0, 0.0, 200, True)


def test_the_difference_is_relative_to_the_value_or_to_the_standard_deviation() -> None:
    largest = np.unravel_index(np.abs(THEIRS).argmax(), THEIRS.shape)
    smallest = np.unravel_index(np.abs(THEIRS).argmin(), THEIRS.shape)
    assert agreement(moved(largest, 1.0), THEIRS, EVERYWHERE).worst == pytest.approx(1 / np.abs(THEIRS[largest]))
    assert agreement(moved(smallest, 1.0), THEIRS, EVERYWHERE).worst == pytest.approx(1 / THEIRS.std())


def test_one_cell_beyond_the_tolerance_is_enough() -> None:
    assert agreement(moved((0, 0), 0.5 * TOLERANCE * THEIRS.std()), THEIRS, EVERYWHERE).within
    found = agreement(moved((0, 0), 9 * TOLERANCE * np.abs(THEIRS).max()), THEIRS, EVERYWHERE)
    assert not found.within
    assert found.share_apart == 1 / 200


@pytest.mark.parametrize("none", [np.nan, np.inf])
def test_a_value_that_only_one_side_has_is_no_agreement(none: float) -> None:
    lacking = THEIRS.copy()
    lacking[1, 2] = none
    ours, theirs = agreement(THEIRS, lacking, EVERYWHERE), agreement(lacking, THEIRS, EVERYWHERE)
    assert (ours.only_ours, ours.only_theirs, ours.within) == (1, 0, False)
    assert (theirs.only_ours, theirs.only_theirs, theirs.within) == (0, 1, False)


def test_only_the_cells_of_the_mask_count() -> None:
    assert agreement(moved((0, 0), 1.0), THEIRS, EVERYWHERE & (np.arange(40) > 0)).within


def test_a_constant_column_agrees_only_where_it_is_equal() -> None:
    zeros = np.zeros((2, 3))
    assert agreement(zeros, zeros, np.ones((2, 3), dtype=bool)).within
    assert agreement(zeros + 1e-12, zeros, np.ones((2, 3), dtype=bool)).worst == np.inf


def test_nothing_in_common_is_no_agreement() -> None:
    nothing = np.full(THEIRS.shape, np.nan)
    assert not agreement(nothing, nothing, EVERYWHERE).within


def test_untouched_cells_have_a_full_window_and_no_gap_since_the_first() -> None:
    held = np.ones((2, 6), dtype=bool)
    held[1, 3] = False
    assert untouched(held, 2).tolist() == [[False, False, True, True, True, True], [False, False, True] + [False] * 3]
