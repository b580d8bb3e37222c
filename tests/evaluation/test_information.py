import math
import time
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from assets.evaluation.information import (
    daily,
    deciles,
    figures,
    information,
    on_common_names,
    seed_averaged,
    seed_information,
)

DAY = date(2016, 1, 4)
TOY_FORECAST = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
TOY_RETURN = [3.0, 2, 3, 0, 1, 2, 0, 1]


def forecasts(values, session=DAY, seed=0, segment="test", fold="2016-01-01") -> pl.DataFrame:
    names = [f"s{number:04d}" for number in range(len(values))]
    return pl.DataFrame(
        {
            "session": [session] * len(values),
            "security_id": names,
            "seed": pl.Series([seed] * len(values), dtype=pl.Int32),
            "segment": segment,
            "fold": fold,
            "forecast": pl.Series(values, dtype=pl.Float64),
        }
    )


def returns(values, paper=None, session=DAY, horizon=5) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [session] * len(values),
            "security_id": [f"s{number:04d}" for number in range(len(values))],
            "horizon": pl.Series([horizon] * len(values), dtype=pl.Int32),
            "forward_return": pl.Series(values, dtype=pl.Float64),
            "paper_return": pl.Series(values if paper is None else paper, dtype=pl.Float64),
        }
    )


def one(frame: pl.DataFrame) -> dict:
    assert frame.height == 1
    return frame.row(0, named=True)


def test_the_toy_example_has_its_known_correlations():
    row = one(information(forecasts(TOY_FORECAST), returns(TOY_RETURN), 5))
    assert row["ic"] == pytest.approx(0.634335, abs=1e-6)
    assert row["rank_ic"] == pytest.approx(0.634335, abs=1e-6)
    assert (row["names"], row["is_constant"]) == (8, False)


def test_rank_ic_is_spearmans_and_ic_is_pearsons_with_ties_and_skew():
    scores, skewed = [5.0, 4, 4, 3, 2, 1], [0.1, 9.0, 0.2, 0.1, -0.3, -0.3]
    row = one(information(forecasts(scores), returns(skewed), 5))
    ranked = [6.0, 4.5, 4.5, 3, 2, 1]
    assert row["rank_ic"] == pytest.approx(stats.spearmanr(scores, skewed).statistic)
    assert row["ic"] == pytest.approx(stats.pearsonr(ranked, skewed).statistic)
    assert row["rank_ic_known"] == row["rank_ic"] != pytest.approx(row["ic"], abs=0.05)


def test_only_returns_of_the_asked_horizon_are_used():
    both = pl.concat([returns(TOY_RETURN), returns(TOY_RETURN[::-1], horizon=1)])
    assert one(information(forecasts(TOY_FORECAST), both, 5))["rank_ic"] == pytest.approx(0.634335, abs=1e-6)
    assert one(information(forecasts(TOY_FORECAST), both, 1))["rank_ic"] < 0


def test_refused_buys_count_for_all_names_known_and_not_for_the_headline():
    filled = [None, *TOY_RETURN[1:]]
    row = one(information(forecasts(TOY_FORECAST), returns(filled, paper=[-9.0, *TOY_RETURN[1:]]), 5))
    rest = one(information(forecasts(TOY_FORECAST[1:]), returns(TOY_RETURN[1:]), 5))
    assert row["rank_ic"] == pytest.approx(rest["rank_ic"])
    assert row["names"] == 7
    assert row["rank_ic_known"] < 0.3 < row["rank_ic"]


def test_a_constant_forecast_tells_nothing_and_is_counted():
    other = DAY + timedelta(days=1)
    both = pl.concat([forecasts([0.5] * 8), forecasts(TOY_FORECAST, session=other)])
    known = pl.concat([returns(TOY_RETURN), returns(TOY_RETURN, session=other)])
    found = information(both, known, 5)
    measures = found.select("ic", "rank_ic", "rank_ic_known", "hit_rate", "decile_spread")
    assert measures.row(0) == (None,) * 5
    by_name = {figure.metric: figure.value for figure in figures(found, seed_information(both, known, 5), 5, "test")}
    assert by_name["sessions_constant"] == 1
    assert by_name["sessions"] == 1


def test_a_session_without_labels_is_pending():
    found = information(forecasts(TOY_FORECAST), returns([None] * 8, paper=[None] * 8), 5)
    assert one(found)["rank_ic"] is None
    empty = seed_information(forecasts(TOY_FORECAST), returns([None] * 8), 5)
    by_name = {figure.metric: figure for figure in figures(found, empty, 5, "test")}
    assert by_name["sessions_pending"].value == 1
    assert math.isnan(by_name["rank_ic"].value)


def test_two_names_are_too_few_for_a_correlation():
    assert one(information(forecasts([1, 2]), returns([1, 2]), 5))["rank_ic"] is None


def test_seeds_are_averaged_by_rank_so_that_no_seed_outweighs_another_by_its_scale():
    loud, soft = [1000.0, 0, 1, 2, 3], [0.4, 0.5, 0.3, 0.2, 0.1]
    found = seed_averaged(pl.concat([forecasts(loud, seed=0), forecasts(soft, seed=1)]))
    assert found["forecast"].to_list() == pytest.approx([0.3, 0.0, -0.1, -0.1, -0.1])


def test_two_seeds_that_contradict_each_other_make_a_constant_forecast():
    values = np.random.default_rng(0).standard_normal(37)
    both = pl.concat([forecasts(values, seed=0), forecasts(-values, seed=1)])
    assert one(information(both, returns(values), 5))["is_constant"]


def test_forecasts_that_are_not_finite_are_left_out():
    row = one(information(forecasts([math.nan, math.inf, *TOY_FORECAST[2:]]), returns(TOY_RETURN), 5))
    assert row["names"] == 6


def test_hit_rate_counts_names_on_the_same_side_of_both_means():
    row = one(information(forecasts([4, 3, 2, 1]), returns([0.4, -0.1, 0.3, -0.2]), 5))
    assert row["hit_rate"] == 0.5
    assert one(information(forecasts([4, 3, 2, 1]), returns([0.4, 0.3, -0.1, -0.2]), 5))["hit_rate"] == 1


def test_the_decile_spread_is_the_best_tenth_less_the_worst():
    values = np.arange(20.0)
    assert one(information(forecasts(values), returns(values), 5))["decile_spread"] == pytest.approx(18.5 - 0.5)
    assert one(information(forecasts(values[:9]), returns(values[:9]), 5))["decile_spread"] is None


def test_deciles_hold_the_mean_return_of_each_tenth_less_that_of_all():
    values = np.arange(20.0)
    found = deciles(forecasts(values), returns(values), 5)
    assert found["decile"].to_list() == list(range(1, 11))
    assert found["excess_return"].to_list() == pytest.approx([2 * k + 0.5 - 9.5 for k in range(10)])


def test_each_seed_alone_stands_apart_from_the_average():
    both = pl.concat([forecasts(TOY_FORECAST, seed=0), forecasts(TOY_FORECAST[::-1], seed=1)])
    found = seed_information(both, returns(TOY_RETURN), 5)
    assert found["seed"].to_list() == [0, 1]
    assert found["rank_ic"].to_list()[0] == pytest.approx(0.634335, abs=1e-6)
    assert found["rank_ic"].to_list()[1] < 0
    by_name = {f.metric: f.value for f in figures(information(both, returns(TOY_RETURN), 5), found, 5, "test")}
    assert by_name["rank_ic_seed_lowest"] < 0 < by_name["rank_ic_seed_highest"]


def test_the_result_does_not_depend_on_the_order_of_the_rows():
    values = np.random.default_rng(0).standard_normal(50)
    frame = pl.concat([forecasts(values, seed=k) for k in range(3)])
    mixed = frame.sample(fraction=1, shuffle=True, seed=1)
    known = returns(np.random.default_rng(1).standard_normal(50))
    assert_frame_equal(information(frame, known, 5), information(mixed, known, 5))
    assert_frame_equal(deciles(frame, known, 5), deciles(mixed, known, 5))


def test_a_session_in_the_windows_of_two_folds_is_one_day_of_the_series():
    both = pl.concat([forecasts(TOY_FORECAST, fold="a"), forecasts(TOY_FORECAST[::-1], fold="b")])
    days = daily(information(both, returns(TOY_RETURN), 5), "test")
    assert days.height == 1
    assert daily(information(both, returns(TOY_RETURN), 5), "valid").height == 0


def test_common_names_are_those_that_both_have():
    a, b = on_common_names(forecasts(TOY_FORECAST), forecasts(TOY_FORECAST[:5], seed=3))
    assert a.height == b.height == 5


def noise(sessions: int, names: int, seeds: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(0)
    days = pl.date_range(DAY, DAY + timedelta(days=sessions - 1), eager=True).alias("session")
    ids = pl.Series("security_id", [f"s{k:05d}" for k in range(names)])
    cells = pl.DataFrame(days).join(pl.DataFrame(ids), how="cross")
    known = cells.with_columns(
        horizon=pl.lit(5, dtype=pl.Int32), forward_return=rng.standard_normal(cells.height)
    ).with_columns(paper_return="forward_return")
    made = [
        cells.with_columns(
            seed=pl.lit(k, dtype=pl.Int32),
            segment=pl.lit("test"),
            fold=pl.lit("2016-01-01"),
            forecast=rng.standard_normal(cells.height),
        )
        for k in range(seeds)
    ]
    return pl.concat(made), known


def test_noise_is_told_to_be_noise():
    guesses, known = noise(sessions=120, names=100, seeds=3)
    found = figures(information(guesses, known, 5), seed_information(guesses, known, 5), 5, "test")
    rank_ic = next(figure for figure in found if figure.metric == "rank_ic")
    assert rank_ic.lower < 0 < rank_ic.upper
    hit_rate = next(figure for figure in found if figure.metric == "hit_rate")
    assert hit_rate.lower < 0.5 < hit_rate.upper


def test_half_a_million_forecasts_take_about_a_second():
    guesses, known = noise(sessions=250, names=400, seeds=5)
    start = time.process_time()
    information(guesses, known, 5)
    assert time.process_time() - start < 3  # ten times what an idle core takes


def test_the_seed_average_is_the_same_to_the_bit_however_its_rows_come():
    rng = np.random.default_rng(0)
    rows = [
        {"session": date(2016, 1, 4), "security_id": f"n{n:03d}", "seed": seed, "segment": "test", "fold": "f"}
        for seed in range(7)
        for n in range(300)
    ]
    frame = pl.DataFrame(rows).with_columns(forecast=pl.Series(rng.standard_normal(len(rows))))
    first = seed_averaged(frame).sort("security_id")
    for seed in range(5):
        again = seed_averaged(frame.sample(fraction=1.0, shuffle=True, seed=seed)).sort("security_id")
        assert again.equals(first)


def test_every_table_is_the_same_to_the_bit_when_it_is_made_again():
    rng = np.random.default_rng(0)
    days = pl.date_range(date(2016, 1, 1), date(2016, 12, 31), eager=True).alias("session")
    names = pl.DataFrame({"security_id": [f"n{n:03d}" for n in range(200)]})
    keys = pl.DataFrame(days).join(names, how="cross")
    told = [
        keys.with_columns(
            forecast=pl.Series(rng.standard_normal(len(keys))),
            seed=pl.lit(seed, dtype=pl.Int32),
            segment=pl.lit("test"),
            fold=pl.lit("2016"),
        )
        for seed in range(3)
    ]
    returns = keys.with_columns(
        horizon=pl.lit(1, dtype=pl.Int32), forward_return=pl.Series(rng.standard_normal(len(keys)))
    ).with_columns(paper_return="forward_return")
    for make in (information, seed_information, deciles):
        first = make(pl.concat(told), returns, 1)
        assert all(make(pl.concat(told), returns, 1).equals(first) for _ in range(5)), make.__name__
