"""Stated cases: what a fold's seeds state together of each name beside what came, for the windows of each fold."""
# N cases

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.ensemble import ensemble

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

KEY = ("fold", "segment", "session", "security_id")
STATED = ("probability", "probability_std", "noise_scale")


@dataclass(frozen=True)
class StatedCases:
    """Cases of one segment in the order of time, names whose buy filled; NaN where something is not stated.

    folds     name of each fold
    fold_N    place of each case's fold
    error_N   return less the forecast, the mean over seeds
    """

    folds: tuple[str, ...]
    fold_N: Places
    session_N: Places
    return_N: Floats
    error_N: Floats
    probability_N: Floats
    doubt_N: Floats
    noise_N: Floats

    @property
    def rose(self) -> NDArray[np.bool_]:
        """Whether the return was above 0."""
        return self.return_N > 0

    @property
    def brier(self) -> Floats:
        """Square of what the stated probability is off what came."""
        squared_N: Floats = (self.probability_N - self.rose) ** 2
        return squared_N

    @property
    def nearness(self) -> Floats:
        """How near the probability is to one half: doubt that nobody has to learn."""
        near_N: Floats = -np.abs(self.probability_N - 0.5)
        return near_N


def stated_cases(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> dict[str, StatedCases]:
    """The cases of each segment; empty where the forecasts state neither a probability nor a noise.

    forecasts  rows of `expectations.tables.Forecasts`
    returns    rows of `expectations.tables.ForwardReturns`
    """
    told = [name for name in STATED if forecasts[name].is_not_null().any()]
    if not told:
        return {}
    means = forecasts.group_by(KEY, maintain_order=True).agg(pl.col("forecast").mean())
    known = returns.filter(pl.col("horizon") == horizon, pl.col("forward_return").is_not_null())
    rows = (
        ensemble(forecasts)
        .join(means, on=KEY, maintain_order="left")
        .join(known.select("session", "security_id", "forward_return"), on=["session", "security_id"])
        .filter(pl.any_horizontal(pl.col(told).is_not_null()))
        .sort(KEY)
    )
    folds = tuple(rows["fold"].unique().sort())
    return {str(segment): _of(part, folds) for (segment,), part in rows.group_by("segment", maintain_order=True)}


def _of(rows: pl.DataFrame, folds: tuple[str, ...]) -> StatedCases:
    ordered = rows.sort("session", "fold", "security_id")
    columns = {name: ordered[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in (*STATED, "forecast")}
    returns_N = ordered["forward_return"].to_numpy()
    return StatedCases(
        folds=folds,
        fold_N=ordered["fold"]
        .replace_strict(folds, range(len(folds)), return_dtype=pl.Int64)
        .to_numpy()
        .astype(np.intp),
        session_N=ordered["session"].rank("dense").to_numpy().astype(np.intp),
        return_N=returns_N,
        error_N=returns_N - columns["forecast"],
        probability_N=columns["probability"],
        doubt_N=columns["probability_std"],
        noise_N=columns["noise_scale"],
    )
