"""Leaderboard: every experiment in one row, chosen on validation and judged out of sample, and paired comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import dataframely as dy
import polars as pl

from assets.evaluation.information import daily
from assets.evaluation.intervals import Interval, paired
from assets.evaluation.known_worlds import told_of
from assets.evaluation.report import bounded, verdict
from expectations.tables import Table

MARGIN = 0.003  # RankIC: a difference that does not matter

# column -> segment, metric and bound of the summary
TAKEN = {
    "sessions": ("test", "sessions", "value"),
    "valid_rank_ic": ("valid", "rank_ic", "value"),
    "valid_rank_ic_lower": ("valid", "rank_ic", "lower"),
    "valid_rank_ic_upper": ("valid", "rank_ic", "upper"),
    "test_rank_ic": ("test", "rank_ic", "value"),
    "test_rank_ic_lower": ("test", "rank_ic", "lower"),
    "test_rank_ic_upper": ("test", "rank_ic", "upper"),
    "icir": ("test", "icir", "value"),
    "hit_rate": ("test", "hit_rate", "value"),
    "decile_spread": ("test", "decile_spread", "value"),
    "excess_return_annual": ("test", "excess_return_annual", "value"),
    "excess_return_annual_lower": ("test", "excess_return_annual", "lower"),
    "excess_return_annual_upper": ("test", "excess_return_annual", "upper"),
    "refused_orders": ("test", "orders_refused", "value"),
    "costs": ("test", "costs", "value"),
}


def _figure(definition: str, unit: str = "correlation") -> dy.Float64:
    return dy.Float64(nullable=True, metadata={"unit": unit, "definition": definition})


class Leaderboard(Table):
    """One row per experiment; figures are out of sample unless named valid, bounds are of 95% intervals."""

    asset_key: ClassVar[str] = "evaluation/leaderboard"

    experiment = dy.String(primary_key=True)
    model = dy.String()
    horizon = dy.Int32(metadata={"unit": "sessions"})
    folds = dy.UInt32(metadata={"definition": "test windows with a forecast"})
    sessions = dy.UInt32(metadata={"definition": "test sessions with a RankIC"})
    valid_rank_ic = _figure("mean daily RankIC on validation, by which models are chosen")
    valid_rank_ic_lower = _figure("lower bound")
    valid_rank_ic_upper = _figure("upper bound")
    test_rank_ic = _figure("mean daily RankIC out of sample")
    test_rank_ic_lower = _figure("lower bound")
    test_rank_ic_upper = _figure("upper bound")
    icir = _figure("mean / standard deviation of the daily RankIC", "per session")
    hit_rate = _figure("names on the same side of both session means", "share")
    decile_spread = _figure("best tenth less worst tenth over the horizon", "simple return")
    excess_return_annual = _figure("after costs, less the equal-weight universe", "simple return a year")
    excess_return_annual_lower = _figure("lower bound", "simple return a year")
    excess_return_annual_upper = _figure("upper bound", "simple return a year")
    refused_orders = _figure("buys that stayed cash and sales that had to wait", "orders")
    costs = _figure("commission, stamp duty and transfer fee", "yuan")
    chosen_on_validation = dy.Bool(metadata={"definition": "highest RankIC on validation among those of its horizon"})
    verdict = dy.String(metadata={"definition": "the out-of-sample RankIC in one sentence"})
    worlds = dy.String(metadata={"definition": "what the same kind of model showed where the truth is known"})
    mlflow_run = dy.String(nullable=True, metadata={"definition": "run of the walk-forward in the tracking store"})


@dataclass(frozen=True)
class Entry:
    """One experiment's part: who it is, its `report.Summary`, and the number of its test windows."""

    experiment: str
    model: str
    horizon: int
    folds: int
    summary: pl.DataFrame
    mlflow_run: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Daily RankIC of one experiment less another's, on common sessions, and what may be said of it."""

    difference: Interval
    narrower: Interval
    verdict: str

    def sentence(self) -> str:
        """'RankIC difference .008 [.002, .014] over 484 common sessions: better'."""
        text = bounded(self.difference, "correlation")
        return f"RankIC difference {text} over {self.difference.n} common sessions: {self.verdict}"


def leaderboard(entries: Sequence[Entry]) -> pl.DataFrame:
    """The `Leaderboard` table, best on validation first within each horizon; a missing figure is null."""
    rows = [_row(entry) for entry in entries]
    schema = {name: column.dtype for name, column in Leaderboard.columns().items()}
    frame = pl.DataFrame(rows, schema={name: dtype for name, dtype in schema.items() if name != "chosen_on_validation"})
    best = pl.col("valid_rank_ic").max().over("horizon")
    chosen = (pl.col("valid_rank_ic") == best).fill_null(value=False)
    ranked = frame.with_columns(chosen_on_validation=chosen)
    order = ["horizon", "valid_rank_ic", "experiment"]
    return Leaderboard.validate(ranked.sort(order, descending=[False, True, False], nulls_last=True))


def put_up(board: pl.DataFrame) -> pl.DataFrame:
    """Of each horizon, who may be put up for promotion, the best on validation first: horizon, experiment."""
    ranked = board.sort("valid_rank_ic", descending=True, nulls_last=True, maintain_order=True)
    return ranked.sort("horizon", maintain_order=True).select("horizon", "experiment")


def compare(information: pl.DataFrame, baseline: pl.DataFrame, horizon: int, segment: str = "test") -> Comparison:
    """Paired comparison of two `Information` tables made from `information.on_common_names` of their forecasts.

    better         the 95% interval of the difference lies above 0
    no effect      its 90% interval lies inside -.003 .. .003
    not worse      the lower bound of its 95% interval is above -.003
    worse          the 95% interval lies below 0
    undecided      nothing of these
    not comparable the two were judged on different numbers of names in some session
    Several may hold; all that do are named.
    """
    a, b = daily(information, segment), daily(baseline, segment)
    difference = paired(a, b, "rank_ic", horizon)
    narrower = paired(a, b, "rank_ic", horizon, level=0.90)
    names = a.select("session", "names").join(b.select("session", "names"), on="session", suffix="_b")
    unlike = names.filter(pl.col("names") != pl.col("names_b")).height
    if unlike:
        told = f"not comparable: other names in {unlike} of {names.height} common sessions"
        return Comparison(difference, narrower, told)
    return Comparison(difference, narrower, judged(difference, narrower))


def judged(difference: Interval, narrower: Interval) -> str:
    """What a paired difference of RankIC shows, from its 95% and its 90% interval; see `compare`."""
    if difference.note:
        return f"undecided: {difference.note}"
    holds = {
        "better": difference.lower > 0,
        "worse": difference.upper < 0,
        "no effect": narrower.lower > -MARGIN and narrower.upper < MARGIN,
        "not worse": -MARGIN < difference.lower <= 0,
    }
    return ", ".join(name for name, held in holds.items() if held) or "undecided"


def _row(entry: Entry) -> dict[str, object]:
    found = {(row["segment"], row["metric"]): row for row in entry.summary.iter_rows(named=True)}
    figures = {
        column: found.get((segment, metric), {}).get(bound) for column, (segment, metric, bound) in TAKEN.items()
    }
    return {
        "experiment": entry.experiment,
        "model": entry.model,
        "horizon": entry.horizon,
        "folds": entry.folds,
        **figures,
        "sessions": int(figures["sessions"] or 0),
        "verdict": verdict(entry.summary),
        "worlds": told_of(entry.model),
        "mlflow_run": entry.mlflow_run,
    }
