"""Ensemble: what the seeds of a model state together, the two uncertainties apart.

Seeds that disagree on a probability are unsure of it, whatever each of them says of itself (Lakshminarayanan et al.
2017); what they agree on as the noise of the return stays noise.
"""

from __future__ import annotations

import polars as pl

KEYS = ("fold", "segment", "session", "security_id")


def ensemble(forecasts: pl.DataFrame) -> pl.DataFrame:
    """One row for each fold, session and security, from one for each seed.

    forecasts  rows of `expectations.tables.Forecasts`
    returns    the keys, seeds (how many), noise_scale (root of the mean square), probability (mean), and
               probability_std: root of the mean square that the seeds state plus the variance between them. From M
               seeds the latter is known to within 1 / sqrt(2 (M - 1)) of itself: 35% of five. Null where nobody states
               it and there is one seed, or no probability
    """
    unsure, between = pl.col("probability_std"), pl.col("probability").var()
    squares = pl.sum_horizontal(unsure.pow(2).mean(), between)
    is_told = unsure.is_not_null().any() | (pl.col("probability").count() > 1)
    found = forecasts.group_by(KEYS, maintain_order=True).agg(
        pl.len().cast(pl.Int32).alias("seeds"),
        pl.col("noise_scale").pow(2).mean().sqrt(),
        pl.col("probability").mean(),
        pl.when(is_told & pl.col("probability").is_not_null().any()).then(squares.sqrt()).alias("probability_std"),
    )
    return found.sort(KEYS)
