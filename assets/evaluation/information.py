"""Information: how much a session's forecasts tell of its returns, one row per fold and session.

The forecast that is judged is the seed average: in each session every seed's forecasts are replaced by their ranks,
scaled to -1/2 .. 1/2, and averaged over the seeds. A seed that forecasts one value for all names adds nothing to it.
"""

from __future__ import annotations

import math

import dataframely as dy
import polars as pl

from assets.evaluation.intervals import SESSIONS_PER_YEAR, Figure, interval
from expectations.tables import Table

LEAST_NAMES = 3
DECIMALS = 12
_DAY = ("fold", "segment", "session")


def _correlation(definition: str) -> dy.Float64:
    return dy.Float64(
        nullable=True, min=-1.0 - 1e-9, max=1.0 + 1e-9, metadata={"unit": "correlation", "definition": definition}
    )


class Information(Table):
    """What the seed-averaged forecast told, by session; null where it was one value for all, or fewer than 3 names."""

    fold = dy.String(primary_key=True, metadata={"definition": "calendar start of the test window"})
    session = dy.Date(primary_key=True, metadata={"definition": "session after which the decision is made"})
    segment = dy.String(metadata={"definition": "valid or test"})
    ic = _correlation("Pearson correlation of forecast and forward_return over the names whose buy filled")
    rank_ic = _correlation("Spearman correlation of the same, ties at their average rank")
    rank_ic_known = _correlation("Spearman correlation with paper_return over all names forecast at the decision")
    hit_rate = dy.Float64(
        nullable=True,
        metadata={"unit": "share", "definition": "names on the same side of both means, of those on a side"},
    )
    decile_spread = dy.Float64(
        nullable=True,
        metadata={
            "unit": "simple return",
            "definition": "mean of the best tenth less the worst, ties included; null below 10 names",
        },
    )
    names = dy.UInt32(metadata={"definition": "names forecast whose buy filled and whose exit is known"})
    is_constant = dy.Bool(metadata={"definition": "the forecast was one value for all names"})


class SeedInformation(Table):
    """RankIC of each seed alone, averaged over the sessions of a fold and segment."""

    fold = dy.String(primary_key=True)
    segment = dy.String(primary_key=True, metadata={"definition": "valid or test"})
    seed = dy.Int32(primary_key=True)
    rank_ic = _correlation("mean over sessions of the Spearman correlation over the names whose buy filled")
    sessions = dy.UInt32(metadata={"definition": "sessions with a value"})


class Deciles(Table):
    """Mean return of each tenth of the names, ordered by forecast, less the mean of all names of the session."""

    fold = dy.String(primary_key=True)
    session = dy.Date(primary_key=True)
    decile = dy.Int32(primary_key=True, min=1, max=10, metadata={"definition": "10 holds the highest forecasts"})
    segment = dy.String(metadata={"definition": "valid or test"})
    excess_return = dy.Float64(metadata={"unit": "simple return over the horizon"})


def seed_averaged(forecasts: pl.DataFrame) -> pl.DataFrame:
    """One forecast per fold, session and security: the mean over seeds of the within-session rank, -1/2 .. 1/2.

    forecasts  rows of `expectations.tables.Forecasts`; a forecast that is not finite is left out
    returns    fold, segment, session, security_id, forecast; in the order of the input
    """
    scaled = (2 * pl.col("forecast").rank() - pl.len() - 1) / (2 * pl.len())
    ranked = (
        forecasts.filter(pl.col("forecast").is_finite())
        .group_by(*_DAY, "seed", maintain_order=True)
        .agg("security_id", scaled.alias("forecast"))
        .explode("security_id", "forecast")
    )
    # The last bit of a sum, which follows the order of its terms, would decide ties.
    mean = pl.col("forecast").mean().round(DECIMALS)
    return ranked.group_by(*_DAY, "security_id", maintain_order=True).agg(mean)


def information(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """The `Information` table of the seed-averaged forecast against the returns of one horizon."""
    joined = _with_returns(seed_averaged(forecasts), returns, horizon)
    x, y = _filled("forecast"), _filled("forward_return")
    tenth = y.len() // 10
    ends = y.filter(x >= x.top_k(tenth).min()).mean() - y.filter(x <= x.bottom_k(tenth).max()).mean()
    both_sides = (x - x.mean()).sign() * (y - y.mean()).sign()
    known_x, known_y = _filled("forecast", "paper_return"), _filled("paper_return", "paper_return")
    day = joined.group_by(*_DAY, maintain_order=True).agg(
        ic=pl.corr(x, y),
        rank_ic=pl.corr(x.rank(), y.rank()),
        rank_ic_known=pl.corr(known_x.rank(), known_y.rank()),
        hit_rate=(both_sides.filter(both_sides != 0) > 0).mean(),
        decile_spread=ends,
        names=y.len().cast(pl.UInt32),
        is_constant=pl.col("forecast").min() == pl.col("forecast").max(),
    )
    tells = (pl.col("names") >= LEAST_NAMES) & ~pl.col("is_constant")
    measures = [
        pl.when(tells).then(pl.col(name).fill_nan(None)).alias(name)
        for name in ("ic", "rank_ic", "rank_ic_known", "hit_rate", "decile_spread")
    ]
    return Information.validate(day.with_columns(measures).sort("fold", "session"), cast=True)


def seed_information(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """The `SeedInformation` table: RankIC of every seed on its own, so that their spread can be seen."""
    joined = _with_returns(forecasts.filter(pl.col("forecast").is_finite()), returns, horizon)
    x, y = _filled("forecast"), _filled("forward_return")
    by_day = joined.group_by(*_DAY, "seed", maintain_order=True).agg(
        rank_ic=pl.when(y.len() >= LEAST_NAMES).then(pl.corr(x.rank(), y.rank())).fill_nan(None)
    )
    by_seed = (
        by_day.sort("session")
        .group_by("fold", "segment", "seed", maintain_order=True)
        .agg(pl.col("rank_ic").mean(), sessions=pl.col("rank_ic").count())
    )
    return SeedInformation.validate(by_seed.sort("fold", "segment", "seed"), cast=True)


def deciles(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """The `Deciles` table of the seed-averaged forecast; sessions with fewer than 10 filled names are left out."""
    filled = _with_returns(seed_averaged(forecasts), returns, horizon).filter(pl.col("forward_return").is_not_null())
    per_day = pl.col("forward_return").len().over("fold", "session")
    placed = filled.filter(per_day >= 10).with_columns(
        decile=(pl.col("forecast").rank().over("fold", "session") * 10 / per_day).ceil().cast(pl.Int32),
        excess_return=pl.col("forward_return") - pl.col("forward_return").mean().over("fold", "session"),
    )
    means = placed.group_by(*_DAY, "decile", maintain_order=True).agg(pl.col("excess_return").mean())
    return Deciles.validate(means.sort("fold", "session", "decile"), cast=True)


def on_common_names(a: pl.DataFrame, b: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of two Forecasts tables whose session, segment and security are in both, for a paired comparison."""
    name = ["session", "segment", "security_id"]
    return a.join(b, on=name, how="semi"), b.join(a, on=name, how="semi")


def daily(information: pl.DataFrame, segment: str) -> pl.DataFrame:
    """One row per session of a segment in time order; a session in the windows of two folds is averaged over them."""
    chosen = information.filter(pl.col("segment") == segment)
    measures = pl.col("ic", "rank_ic", "rank_ic_known", "hit_rate", "decile_spread").mean()
    return (
        chosen.group_by("session", maintain_order=True)
        .agg(measures, pl.col("names").max(), pl.col("is_constant").any())
        .sort("session")
    )


def figures(information: pl.DataFrame, by_seed: pl.DataFrame, horizon: int, segment: str) -> list[Figure]:
    """The headline figures of one segment, each with its interval where it has one."""
    days = daily(information, segment)
    means = {
        "rank_ic": ("correlation", "mean over sessions of the Spearman correlation, names whose buy filled"),
        "ic": ("correlation", "mean over sessions of the Pearson correlation, names whose buy filled"),
        "rank_ic_known": ("correlation", "as rank_ic, over all names forecast at the decision, as if every buy filled"),
        "hit_rate": ("share", "names on the same side of both session means; one half is chance"),
        "decile_spread": ("simple return", f"best tenth less worst tenth, {horizon} sessions, before costs"),
    }
    found = [Figure.of(name, interval(days[name], horizon), unit, text) for name, (unit, text) in means.items()]
    deviation = days["rank_ic"].std()
    scale = 1.0 / deviation if isinstance(deviation, float) and deviation > 0 else math.nan
    ratio = interval(days["rank_ic"], horizon).times(scale)
    text = "mean / standard deviation of the daily RankIC; bounds move the mean only"
    found.append(Figure.of("icir", ratio, "per session", text))
    annual = f"icir * sqrt({SESSIONS_PER_YEAR}); labels that overlap make it too high"
    found.append(Figure.of("icir_annual", ratio.times(math.sqrt(SESSIONS_PER_YEAR)), "per year", annual))
    return [*found, *_counts(days), *_seed_spread(by_seed.filter(pl.col("segment") == segment))]


def _counts(days: pl.DataFrame) -> list[Figure]:
    counts = {
        "sessions": (days["rank_ic"].count(), "sessions with a RankIC"),
        "sessions_constant": (int(days["is_constant"].sum()), "sessions whose forecast was one value for all names"),
        "sessions_pending": (int((days["names"] == 0).sum()), "sessions none of whose labels is known"),
    }
    return [Figure.plain(name, float(count), "sessions", text) for name, (count, text) in counts.items()]


def _seed_spread(by_seed: pl.DataFrame) -> list[Figure]:
    weighted = (pl.col("rank_ic") * pl.col("sessions")).sum() / pl.col("sessions").sum()
    per_seed = (
        by_seed.group_by("seed", maintain_order=True).agg(weighted.alias("rank_ic"))["rank_ic"].drop_nulls().sort()
    )
    if per_seed.is_empty():
        return []
    text = f"of {len(per_seed)} seeds, each alone; the range over seeds is no interval"
    ends = {"lowest": per_seed.to_list()[0], "highest": per_seed.to_list()[-1]}
    return [
        Figure.plain(f"rank_ic_seed_{end}", value, "correlation", f"{end} RankIC {text}") for end, value in ends.items()
    ]


def _with_returns(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Forecasts in their order with the returns of one horizon, null where there is none.

    Collected here: a lazy plan of several groupings adds floats in any order, also where each keeps its own.
    """
    chosen = returns.lazy().filter(pl.col("horizon") == horizon)
    values = chosen.select("session", "security_id", pl.col("forward_return", "paper_return").fill_nan(None))
    joined = forecasts.lazy().join(values, on=["session", "security_id"], how="left", maintain_order="left")
    return joined.collect()


def _filled(column: str, where: str = "forward_return") -> pl.Expr:
    return pl.col(column).filter(pl.col(where).is_not_null())
