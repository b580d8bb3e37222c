"""Served forecasts: whether what is stored is what the saved models say, of all members, by every seed.

What a report stands on are the stored forecasts. Whoever picks the best seed after a look at the test, mixes something
in after the model, or leaves members out, stores other forecasts than the models that were kept would serve.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

import polars as pl

from expectations.evidence import INSTANT
from expectations.forecasts_apart import KEYS, forecasts_apart

FORECASTS_SERVED = pl.Schema(
    {
        "experiment": pl.String(),
        "fold": pl.String(),
        "seed": pl.Int64(),
        "compared_with": pl.String(),
        "decided_at": INSTANT,
        "rows_compared": pl.Int64(),
        "rows_changed": pl.Int64(),
        "rows_missing": pl.Int64(),
        "rows_added": pl.Int64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
MEMBERS, MODEL = "members of the universe", "the saved model"
TOLERANCE = 1e-4
"""Standard deviations: matrices of another height are multiplied in another order of sums."""


def of_members(
    stored: pl.DataFrame, members: pl.DataFrame, seeds: Collection[int], experiment: str, fold: str
) -> pl.DataFrame:
    """By seed of a fold: every member of the test window has one forecast, and nobody else has any.

    stored   rows of Forecasts of the fold
    members  session and security_id of the members in the test window
    seeds    those that the experiment declares
    returns  FORECASTS_SERVED, a seed that was not declared among them
    """
    tested = stored.filter(segment="test")
    rows = [
        {"experiment": experiment, "fold": fold, "seed": seed, "compared_with": MEMBERS}
        | forecasts_apart(members.select(KEYS), tested.filter(seed=seed).select(KEYS))
        for seed in sorted({*seeds, *tested["seed"]})
    ]
    asked = pl.col("seed").is_in(sorted(seeds))
    found = pl.DataFrame(rows, schema=FORECASTS_SERVED)
    return found.with_columns(passed=pl.col("passed") & asked)


def by_model(
    stored: pl.DataFrame, served: pl.DataFrame, decided_at: datetime, experiment: str, fold: str
) -> pl.DataFrame:
    """By seed of a fold: what is stored up to a decision is what its saved model says without the sessions after it.

    stored   rows of Forecasts of the fold
    served   the same of some seeds, up to the session of the decision
    returns  FORECASTS_SERVED
    """
    rows = list(_by_seed(stored.filter(pl.col("session") <= decided_at.date()), served, decided_at))
    return pl.DataFrame([{"experiment": experiment, "fold": fold, **row} for row in rows], schema=FORECASTS_SERVED)


def _by_seed(stored: pl.DataFrame, served: pl.DataFrame, decided_at: datetime) -> Iterator[dict[str, object]]:
    for seed in served["seed"].unique().sort():
        found = forecasts_apart(stored.filter(seed=seed), served.filter(seed=seed), TOLERANCE)
        yield {"seed": seed, "compared_with": MODEL, "decided_at": decided_at, **found}
