"""Adversarial validation: identifiers, counters and calendars are pointed at, and what drifts honestly is not."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.adversarial import adversarial_columns, adversarial_inputs, area_under_curve
from expectations.session_ranks import session_ranks

T, S = 60, 50
DAYS = [date(2014, 1, 1) + timedelta(days=20 * number) for number in range(T)]
RNG = np.random.default_rng(100)
NOISE = RNG.normal(size=(T, S))
SLOW = RNG.normal(size=(1, S)) + 0.2 * np.cumsum(RNG.normal(size=(T, S)), axis=0)

HONEST = {
    "noise": NOISE,
    "slow, of a security": SLOW,
    "volatile by session": NOISE * np.exp(RNG.normal(size=(T, 1))),
    "drifting": NOISE + np.linspace(-1, 1, T)[:, None],
    "one of two boards": np.broadcast_to(np.arange(S) % 2, (T, S)).astype(float),
    "counts": np.floor(np.abs(NOISE)),
    "one value": np.ones((T, S)),
    "absent": np.full((T, S), np.nan),
}
TELLING = {
    "number of the row": np.arange(T * S).reshape(T, S).astype(float),
    "sessions since the start": np.broadcast_to(np.arange(T)[:, None], (T, S)) + 0.1 * NOISE,
    "filled from a day on": np.where(np.arange(T)[:, None] < 30, 0.0, 1.0 + np.abs(NOISE)),
    "day of the week": np.broadcast_to(np.arange(T)[:, None] % 5, (T, S)),
    "return of the market": np.broadcast_to(RNG.normal(size=(T, 1)), (T, S)),
    "identifier": np.broadcast_to(RNG.permutation(S), (T, S)).astype(float),
    "identifier with noise": RNG.permutation(S) + 0.01 * NOISE,
}


def judged(x: np.ndarray, days: list[date] = DAYS) -> dict[str, object]:
    return adversarial_columns("features/x", {"x": np.asarray(x, dtype=float)}, days).row(0, named=True)


@pytest.mark.parametrize("name", HONEST)
def test_what_drifts_and_differs_honestly_is_quiet(name: str) -> None:
    found = judged(HONEST[name])
    assert found["passed"], found


@pytest.mark.parametrize("name", TELLING)
def test_what_names_the_session_or_the_security_is_pointed_at(name: str) -> None:
    found = judged(TELLING[name])
    assert not found["passed"], found
    assert ("a security keeps" in str(found["first_example"])) is name.startswith("identifier")


def test_a_short_sample_does_not_tell_slow_from_still() -> None:
    short = [DAYS[0] + timedelta(days=number) for number in range(T)]
    assert judged(TELLING["identifier"], short)["passed"]
    assert judged(TELLING["filled from a day on"], short)["passed"]
    assert not judged(TELLING["number of the row"], short)["passed"]


def test_the_area_is_the_chance_that_a_positive_row_ranks_above_another() -> None:
    values, positive = np.array([1.0, 2.0, 2.0, 5.0]), np.array([False, True, False, True])
    ranks = session_ranks(values[None, :]).scaled_TS[0]
    assert area_under_curve(ranks, positive) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert area_under_curve(ranks, np.ones(4, dtype=bool)) is None


def inputs(seed: int, shift: float = 0.0, columns: int = 12) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=(1200, columns)), rng.normal(size=(1200, columns))
    test[:, 3] += shift
    train[rng.random(train.shape) < 0.1] = np.nan
    sessions = (np.repeat(np.arange(20), 60), np.repeat(np.arange(100, 120), 60))
    names = [f"x{number}" for number in range(columns)]
    return adversarial_inputs("study", "2015-07-01", names, train, test, sessions).row(0, named=True)


@pytest.mark.parametrize("seed", range(100, 110))
def test_inputs_in_the_terms_of_their_session_are_near_one_half(seed: int) -> None:
    found = inputs(seed)
    assert abs(found["area_test"] - 0.5) < 0.06
    assert found["passed"]


def test_one_input_that_tells_the_window_is_named() -> None:
    found = inputs(100, shift=3.0)
    assert not found["passed"]
    assert found["area_test"] > 0.95
    assert found["column"] == "x3"
    assert "by this column alone by 0.9" in str(found["first_example"])


def test_inputs_that_tell_it_only_together_are_found() -> None:
    rng = np.random.default_rng(100)
    shared = rng.normal(size=(2400, 1)) * 3
    x = shared + 0.1 * rng.normal(size=(2400, 2))
    x[1200:, 0] += 0.3
    sessions = (np.repeat(np.arange(20), 60), np.repeat(np.arange(20), 60))
    found = adversarial_inputs("study", "f", ["a", "b"], x[:1200], x[1200:], sessions).row(0, named=True)
    assert abs(found["area_column"] - 0.5) < 0.1
    assert not found["passed"]


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from([*HONEST, *TELLING]), seed=st.integers(0, 1000))
def test_a_rising_transform_and_another_order_of_names_change_no_figure(name: str, seed: int) -> None:
    x = np.asarray({**HONEST, **TELLING}[name], dtype=float)
    order = np.random.default_rng(seed).permutation(S)
    places = np.unique(x, return_inverse=True)[1].reshape(x.shape) ** 2.0
    before, after = judged(x), judged(np.where(np.isnan(x), x, places)[:, order])
    assert before["passed"] == after["passed"]
    floats = ["area_later", "order_agreement", "session_share", "security_share"]
    np.testing.assert_allclose(
        np.array([before[n] for n in floats], dtype=float), np.array([after[n] for n in floats], dtype=float), atol=1e-9
    )
