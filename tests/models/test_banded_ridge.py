"""Tests of the ridge regression with a penalty for each group."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.banded_ridge import BandedRidgeSpec, time_blocks
from models.linear import LinearSpec
from models.moments import Moments
from models.ranking import normal_scores
from models.windows import Cells, TableLayout

SECURITIES, SESSIONS, NOISE = 40, 300, 30
COLUMNS = ("signal", *(f"noise_{n}" for n in range(NOISE)))
GROUPS = ("told", *["untold"] * NOISE)


@pytest.fixture(scope="module")
def cells():
    """A weak signal in one group and nothing in another of thirty columns."""
    rng = np.random.default_rng(0)
    x_STF = rng.normal(0, 1, (SECURITIES, SESSIONS, len(COLUMNS))).astype(np.float32)
    sessions, rows = np.nonzero(np.ones((SESSIONS, SECURITIES)))
    label = 0.1 * x_STF[rows, sessions, 0] + rng.normal(0, 1, len(rows))
    return Cells(x_STF, rows, sessions, normal_scores(label, sessions).astype(np.float32))


@pytest.fixture(scope="module")
def wide():
    return TableLayout(COLUMNS, (), look_back=1, groups=GROUPS)


def fitted(spec, train, valid, layout):
    told = []
    return spec.fit(train, valid, layout, 0, 1, lambda *record: told.append(record)), told


def split(cells):
    return cells.where(cells.sessions_B < 240), cells.where(cells.sessions_B >= 250)


def test_with_one_penalty_it_is_the_ridge_regression(train, valid, layout):
    ours, told = fitted(BandedRidgeSpec(look_back=5, penalties=(0.1,), blocks=2), train, valid, layout)
    ridge, told_of_ridge = fitted(LinearSpec(look_back=5, penalties=(0.1,)), train, valid, layout)
    np.testing.assert_allclose(ours.weights_C, ridge.weights_C, atol=1e-9)
    assert told == [(1, pytest.approx(told_of_ridge[0][1]), pytest.approx(told_of_ridge[0][2]))]


def test_a_group_of_noise_is_shrunk_and_the_signal_is_not(cells, wide):
    train, valid = split(cells)
    banded, _ = fitted(BandedRidgeSpec(), train, valid, wide)
    one, _ = fitted(LinearSpec(look_back=1, penalties=BandedRidgeSpec().penalties), train, valid, wide)
    assert banded.weights_C[0] > 0.05
    assert np.abs(banded.weights_C[1:]).max() < 0.2 * np.abs(one.weights_C[1:]).max()


def test_validation_rows_choose_nothing(cells, wide):
    train, valid = split(cells)
    turned = replace(valid, target_B=-valid.target_B)
    assert (fitted(BandedRidgeSpec(), train, valid, wide)[0].weights_C.tolist()) == (
        fitted(BandedRidgeSpec(), train, turned, wide)[0].weights_C.tolist()
    )


def test_blocks_are_apart_by_the_gap_and_keep_every_other_session(cells):
    blocks = time_blocks(cells, 4, 7)
    seen = [np.unique(block.sessions_B) for block in blocks]
    assert [len(part) for part in seen] == [75, 68, 68, 68]
    assert all(later.min() - earlier.max() == 8 for earlier, later in pairwise(seen))
    with pytest.raises(ValueError, match="300 train sessions leave nothing of 30 blocks with gaps of 12"):
        time_blocks(cells, 30, 12)


def test_moments_without_a_part_are_those_of_the_rest(cells, wide):
    ridge, _ = fitted(LinearSpec(look_back=1), *split(cells), wide)
    first, rest = cells.where(cells.sessions_B < 100), cells.where(cells.sessions_B >= 100)
    whole, part, other = (Moments.of(some, wide, ridge.scaler) for some in (cells, first, rest))
    found = whole.without(part)
    np.testing.assert_allclose(found.gram, other.gram, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found.moment, other.moment, rtol=1e-9, atol=1e-6)
    assert found.rows == other.rows
    assert found.total == pytest.approx(other.total)
