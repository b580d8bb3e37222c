"""Selection: a board sorted by validation stays with any test, one that looks at the test is named."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.evaluation.leaderboard import Entry, leaderboard, put_up
from expectations.selection import CHOICES, selection
from pipelines.report_assets import choices

Summaries = Mapping[str, pl.DataFrame]


def summary(valid: float | None, test: float) -> pl.DataFrame:
    rows = [("valid", "rank_ic", valid), ("test", "rank_ic", test), ("test", "sessions", 240.0)]
    figures = [(segment, metric, value, value, value) for segment, metric, value in rows]
    return pl.DataFrame(figures, schema=["segment", "metric", "value", "lower", "upper"], orient="row")


SUMMARIES = {"one": summary(0.02, 0.05), "two": summary(0.03, 0.01), "three": summary(0.01, 0.09)}


def board(summaries: Summaries) -> pl.DataFrame:
    return leaderboard([Entry(name, "linear", 5, 4, frame) for name, frame in summaries.items()])


def by(segment: str, summaries: Summaries) -> pl.DataFrame:
    """One choice, by the RankIC of a segment."""
    rank_ic = (pl.col("segment") == segment) & (pl.col("metric") == "rank_ic")
    told = {name: frame.filter(rank_ic)["value"][0] or -1.0 for name, frame in summaries.items()}
    names = sorted(told, key=lambda name: -told[name])
    return pl.DataFrame([("best", place, name) for place, name in enumerate(names)], schema=CHOICES, orient="row")


def test_the_leaderboard_and_what_it_promotes_follow_validation_alone() -> None:
    found = selection(lambda summaries: choices(board(summaries)), SUMMARIES)
    assert found["passed"].all()
    assert set(found["choice"]) == {
        f"{name} of horizon 5" for name in ("leaderboard", "chosen on validation", "put up for promotion")
    }
    in_order = dict(found.select("choice", "before").iter_rows())
    assert in_order["leaderboard of horizon 5"] == "two, one, three"
    assert in_order["put up for promotion of horizon 5"] == "two, one, three"


def test_the_best_on_validation_is_put_up_first_and_one_without_a_figure_last() -> None:
    unknown = {"four": summary(None, 0.2), **SUMMARIES}
    assert put_up(board(unknown)).rows() == [(5, "two"), (5, "one"), (5, "three"), (5, "four")]


def test_an_order_by_validation_passes() -> None:
    assert selection(lambda summaries: by("valid", summaries), SUMMARIES)["passed"].all()


def test_an_order_by_the_test_fails_both_demands() -> None:
    found = selection(lambda summaries: by("test", summaries), SUMMARIES)
    failed = found.filter(~pl.col("passed"))
    assert failed["replaced"].to_list()[0] == "test turned over"
    assert failed["first_example"][0] == "best: three, one, two before, two, one, three with the test turned over"
    assert "by what is it made?" in failed["first_example"][-1]


def test_a_test_that_breaks_near_ties_of_validation_is_caught() -> None:
    def broken(summaries: Summaries) -> pl.DataFrame:
        ranked = board(summaries).sort(pl.col("valid_rank_ic").round(1), "test_rank_ic", descending=True)
        return choices(ranked)

    assert not selection(broken, SUMMARIES)["passed"].all()


def test_one_experiment_alone_has_nothing_to_be_chosen_from() -> None:
    found = selection(lambda summaries: choices(board(summaries)), {"one": SUMMARIES["one"]})
    assert found["passed"].all()
    assert found.filter(pl.col("replaced").str.starts_with("valid")).is_empty()


def test_a_choice_that_only_another_test_lets_somebody_win_is_found() -> None:
    def untold(summaries: Summaries) -> pl.DataFrame:
        found = by("test", summaries)
        told = [frame.filter(pl.col("segment") == "test")["value"][0] or 0.0 for frame in summaries.values()]
        return found if max(told) > 500 else found.clear()

    few = {name: frame.filter(pl.col("metric") == "rank_ic") for name, frame in SUMMARIES.items()}
    assert not selection(untold, few)["passed"].all()
