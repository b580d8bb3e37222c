from datetime import date

import numpy as np
import polars as pl
import pytest

from assets.evaluation.intervals import Interval, interval
from assets.evaluation.leaderboard import Entry, Leaderboard, compare, judged, leaderboard

SESSIONS = pl.date_range(date(2016, 1, 1), date(2016, 12, 31), eager=True).alias("session")


def summary(valid: float | None, test: float | None) -> pl.DataFrame:
    def line(segment, metric, value, reach=0.01):
        bounds = (None, None) if value is None else (value - reach, value + reach)
        return {"segment": segment, "metric": metric, "value": value, "lower": bounds[0], "upper": bounds[1]}

    return pl.DataFrame(
        [line("valid", "rank_ic", valid), line("test", "rank_ic", test), line("test", "sessions", 244.0)],
        infer_schema_length=None,
    ).with_columns(unit=pl.lit("correlation"), definition=pl.lit("x"))


def information(level: float, seed: int = 0, names: int = 300) -> pl.DataFrame:
    market = np.random.default_rng(99).normal(0, 0.05, len(SESSIONS))  # both experiments live in the same market
    own = np.random.default_rng(seed).normal(0, 0.005, len(SESSIONS))
    days = pl.DataFrame(SESSIONS).with_columns(
        fold=pl.lit("2016-01-01"),
        segment=pl.lit("test"),
        rank_ic=pl.Series(level + market + own),
        names=pl.lit(names, dtype=pl.UInt32),
        is_constant=pl.lit(False),
    )
    others = ("ic", "rank_ic_known", "hit_rate", "decile_spread")
    return days.with_columns(pl.col("rank_ic").alias(name) for name in others)


def between(lower: float, upper: float) -> Interval:
    return Interval((lower + upper) / 2, lower, upper, t=0.0, lag=15, n=480)


def test_the_best_on_validation_is_chosen_even_when_another_did_better_out_of_sample():
    found = leaderboard(
        [
            Entry("lucky", "lstm", 5, 4, summary(valid=0.02, test=0.09)),
            Entry("best", "linear", 5, 4, summary(valid=0.05, test=0.04), mlflow_run="abc"),
            Entry("other_horizon", "lstm", 1, 4, summary(valid=0.01, test=0.01)),
        ]
    )
    chosen = dict(found.select("experiment", "chosen_on_validation").iter_rows())
    assert chosen == {"best": True, "lucky": False, "other_horizon": True}
    assert found["experiment"].to_list() == ["other_horizon", "best", "lucky"]


def test_a_row_carries_the_figures_and_the_verdict_of_its_summary():
    row = leaderboard([Entry("one", "lstm", 5, 4, summary(0.05, 0.04), "run")]).row(0, named=True)
    assert row["verdict"] == "RankIC .040 [.030, .050] over 244 sessions: above 0"
    assert (row["folds"], row["sessions"], row["mlflow_run"]) == (4, 244, "run")
    assert row["test_rank_ic_lower"] == pytest.approx(0.03)
    assert row["costs"] is None


def test_an_experiment_without_validation_is_not_chosen():
    assert not leaderboard([Entry("one", "lstm", 5, 4, summary(None, 0.04))])["chosen_on_validation"].item()


def test_no_experiments_make_an_empty_leaderboard():
    assert Leaderboard.is_valid(leaderboard([]))


def test_a_paired_comparison_sees_what_the_common_noise_hides():
    better, baseline = information(0.045, seed=1), information(0.040, seed=2)
    found = compare(better, baseline, 5)
    assert found.verdict == "better"
    assert found.sentence().startswith("RankIC difference .00")
    alone = interval(better["rank_ic"], 5)
    assert alone.lower < baseline["rank_ic"].mean() < alone.upper


def test_equal_experiments_show_no_effect():
    assert compare(information(0.04), information(0.04), 5).verdict == "no effect, not worse"


def test_a_comparison_on_other_names_says_so():
    found = compare(information(0.05), information(0.04, names=299), 5)
    assert found.verdict == "not comparable: other names in 366 of 366 common sessions"


@pytest.mark.parametrize(
    ("wide", "narrow", "said"),
    [
        ((0.001, 0.02), (0.002, 0.019), "better"),
        ((0.0005, 0.0025), (0.0006, 0.0024), "better, no effect"),
        ((-0.0029, 0.02), (-0.002, 0.019), "not worse"),
        ((-0.0031, 0.02), (-0.003, 0.019), "undecided"),
        ((-0.0031, 0.002), (-0.0029, 0.001), "no effect"),
        ((-0.02, -0.001), (-0.019, -0.002), "worse"),
        ((-0.0025, -0.0005), (-0.0024, -0.0006), "worse, no effect, not worse"),
    ],
)
def test_claims_follow_the_bounds(wide, narrow, said):
    assert judged(between(*wide), between(*narrow)) == said


def test_too_few_common_sessions_decide_nothing():
    found = compare(information(0.05), information(0.04).head(12), 5)
    assert found.verdict.startswith("undecided: no interval: 12 sessions")
