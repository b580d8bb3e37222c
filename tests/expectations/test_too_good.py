"""Too good: what honest columns and forecasts tell is quiet, and a column that knows its label is not."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from expectations.session_ranks import session_ranks
from expectations.too_good import TOO_GOOD, too_good_columns, too_good_forecasts

DAYS = [date(2014, 1, 1) + timedelta(days=7 * number) for number in range(120)]


def judged(x: np.ndarray, label: np.ndarray, horizon: int = 5) -> dict[str, object]:
    columns, labels = {"x": session_ranks(x)}, {horizon: session_ranks(label)}
    return too_good_columns("features/x", columns, labels, DAYS, stride=7).row(0, named=True)


def planted(ic: float, seed: int = 100, names: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.normal(size=(len(DAYS), names))
    return ic * label + np.sqrt(1 - ic**2) * rng.normal(size=label.shape), label


@pytest.mark.parametrize("ic", [0.3, -0.3])
def test_a_column_with_a_planted_leak_alarms_with_figure_bound_and_day(ic: float) -> None:
    found = judged(*planted(ic))
    assert not found["passed"]
    assert found["rank_ic"] == pytest.approx(ic, abs=0.05)
    assert str(found["first_example"]).startswith(f"over 5 sessions rank_ic {found['rank_ic']:+.3f} (believed 0.1")
    assert "best day 201" in str(found["first_example"])


@pytest.mark.parametrize("seed", range(100, 140))
def test_what_foretells_nothing_or_as_much_as_honest_columns_is_quiet(seed: int) -> None:
    assert judged(*planted(0.0, seed))["passed"]
    assert judged(*planted(0.08, seed))["passed"]


def test_names_that_move_together_raise_no_alarm() -> None:
    rng = np.random.default_rng(100)
    x = rng.normal(size=(len(DAYS), 60))
    label = rng.normal(size=(len(DAYS), 1)) * x + rng.normal(size=x.shape)
    found = judged(x, label)
    assert found["passed"]
    assert found["null_error"] > 3 / np.sqrt(59 * len(DAYS))


def test_a_faint_leak_that_never_fails_is_too_steady() -> None:
    x, label = planted(0.0, names=400)
    ranks = session_ranks(label).scaled_TS
    x = session_ranks(x).scaled_TS
    x -= ranks * (x * ranks).sum(axis=1, keepdims=True) / (ranks**2).sum(axis=1, keepdims=True)
    found = judged(x + 0.1 * ranks, label)
    assert abs(found["rank_ic"]) < found["rank_ic_bound"]
    assert found["icir"] > found["icir_bound"]
    assert not found["passed"]


def test_a_column_without_values_shows_nothing_and_passes() -> None:
    found = judged(np.full((len(DAYS), 20), np.nan), planted(0.3)[1][:, :20])
    assert (found["sessions"], found["passed"]) == (0, True)


def information(mean: float, deviation: float, hit_rate: float = 0.53) -> pl.DataFrame:
    rng = np.random.default_rng(100)
    days = [date(2015, 7, 1) + timedelta(days=number) for number in range(600)]
    parts = [
        pl.DataFrame(
            {
                "segment": segment,
                "session": days,
                "rank_ic": rng.normal(mean, deviation, len(days)),
                "hit_rate": rng.normal(hit_rate, 0.06, len(days)),
                "names": 338,
            }
        )
        for segment in ("valid", "test")
    ]
    return pl.concat(parts)


@pytest.mark.parametrize(("mean", "deviation"), [(0.133, 0.15), (0.163, 0.146), (0.17, 0.11)])
def test_what_honest_networks_tell_of_400_real_names_is_quiet(mean: float, deviation: float) -> None:
    found = too_good_forecasts("lstm_price", information(mean, deviation), 5)
    assert found["passed"].to_list() == [True, True]
    assert found["column"].to_list() == ["valid", "test"]


@pytest.mark.parametrize(
    ("mean", "deviation", "hit_rate"), [(0.3, 0.15, 0.58), (-0.4, 0.4, 0.5), (0.15, 0.03, 0.53), (0.1, 0.15, 0.62)]
)
def test_a_forecast_that_is_too_strong_too_steady_or_too_often_right_alarms(
    mean: float, deviation: float, hit_rate: float
) -> None:
    found = too_good_forecasts("lstm_price", information(mean, deviation, hit_rate), 5)
    assert found["passed"].to_list() == [False, False]
    assert found.schema == TOO_GOOD


def test_an_experiment_without_days_passes_and_says_that_it_has_none() -> None:
    found = too_good_forecasts("none", information(0.1, 0.1).clear(), 5)
    assert found["sessions"].to_list() == [0, 0]
    assert found["passed"].all()


@settings(max_examples=25)
@example(seed=407, ic=0.3)  # two days have the same RankIC but for the order of a sum
@given(seed=st.integers(0, 1000), ic=st.sampled_from([0.0, 0.1, 0.3]))
def test_a_rising_transform_and_another_order_of_names_change_no_figure(seed: int, ic: float) -> None:
    x, label = planted(ic, seed, names=20)
    order = np.random.default_rng(seed).permutation(20)
    before, after = judged(x, label), judged(np.arctan(x[:, order]) * 5 + 1, label[:, order])
    assert {k: v for k, v in before.items() if not isinstance(v, float)} == {
        k: v for k, v in after.items() if not isinstance(v, float)
    }
    np.testing.assert_allclose(
        [v for v in before.values() if isinstance(v, float)], [v for v in after.values() if isinstance(v, float)]
    )
