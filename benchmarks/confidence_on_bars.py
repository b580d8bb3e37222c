"""Confidence on real bars: stated noise, probability and doubt beside what came, in one year of test, and as pictures.

One pre-named network of three seeds for each loss, one fold: train 2012-07 to 2015-06, validation to the end of 2015,
test 2016. A gate on the doubt, with the limit that lets half of validation pass, is held on test against one on the
distance of the probability from one half with a limit of the same kind.
"""
# N cases

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.confidence import (
    by_decile,
    by_session,
    check_gate,
    fitted_factor,
    gated_gain,
    log_likelihood,
    risk_by_share,
    selective_gain,
)
from assets.evaluation.confidence_pictures import reliability_diagram, risk_coverage, stated_beside_error
from assets.evaluation.ensemble import ensemble
from assets.evaluation.intervals import interval
from assets.evaluation.probability import calibration_error, decomposition, reliability
from assets.evaluation.stated_cases import StatedCases
from assets.sources.market import parse_market
from assets.training.forecasts import forecasts
from benchmarks.world import project_of, tables_of
from expectations.tables import ForwardReturns
from pipelines.experiment_assets import Walk
from pipelines.fold_path import fit_panel, fold_panel

EXPERIMENTS = Path(__file__).parent / "experiments" / "confidence"
PICTURES = Path(".kindling") / "benchmarks"
VOLATILITY = "volatility_20d"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cases(StatedCases):
    """Labelled cases of one window in time order; beside what is stated, the forecast and the trailing volatility."""

    forecast_N: Floats
    trailing_N: Floats


def confidence_on_bars(market: str) -> dict[str, object]:
    """Fit both networks on a folder of real bars; print the figures, draw the pictures, return the figures."""
    source = parse_market(market)
    with tempfile.TemporaryDirectory() as folder:
        walks = project_of(source, Path(folder), EXPERIMENTS).walks
    keys = {ForwardReturns.asset_key, *(key for walk in walks.values() for key in walk.tables.values())}
    tables = tables_of(source, keys)
    noise, doubt = (stated(walks[name], tables) for name in ("noise_bars", "doubt_bars"))
    valid, test = (cases(noise, doubt, tables, segment) for segment in ("valid", "test"))
    figures = {**of_noise(valid, test), **of_doubt(valid, test)}
    print(f"\n{market}, test 2016: {len(test.return_N)} cases")
    for name, value in figures.items():
        print(f"  {name:24} {value}")
    draw(test)
    return figures


def stated(walk: Walk, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What the seeds of the first fold state together."""
    experiment, fold = walk.experiment, walk.folds[0]
    panel = fold_panel(walk, fold, {name: tables[key].lazy() for name, key in walk.tables.items()})
    made = []
    for seed in range(experiment.training.seeds):
        fitted = fit_panel(experiment, panel, seed, lambda _: None)
        made.append(forecasts(panel, fitted.forecaster, seed, fold.key, experiment.decided_hour))
    every = pl.concat(made)
    means = every.group_by("segment", "session", "security_id").agg(pl.col("forecast").mean())
    return ensemble(every).join(means, on=["segment", "session", "security_id"])


def cases(noise: pl.DataFrame, doubt: pl.DataFrame, tables: dict[str, pl.DataFrame], segment: str) -> Cases:
    """The cases of a window that both networks speak of and whose return and trailing volatility are known."""
    key = ["session", "security_id"]
    returns = tables[ForwardReturns.asset_key].filter(horizon=5).select(*key, "forward_return")
    volatility = tables["features/price_volume"].select(*key, VOLATILITY)
    said = doubt.filter(segment=segment).select(*key, "probability", "probability_std")
    rows = noise.filter(segment=segment).select(*key, "forecast", "noise_scale").join(said, on=key)
    rows = rows.join(returns, on=key).join(volatility, on=key).drop_nulls().sort(key)
    columns = ("forward_return", "forecast", "noise_scale", VOLATILITY, "probability", "probability_std")
    returns_N, forecast_N, noise_N, trailing_N, probability_N, doubt_N = (rows[name].to_numpy() for name in columns)
    return Cases(
        folds=("first",),
        fold_N=np.zeros(len(rows), dtype=np.intp),
        session_N=rows["session"].rank("dense").to_numpy().astype(np.intp),
        return_N=returns_N,
        error_N=returns_N - forecast_N,
        probability_N=probability_N,
        doubt_N=doubt_N,
        noise_N=noise_N,
        forecast_N=forecast_N,
        trailing_N=trailing_N,
    )


def of_noise(valid: Cases, test: Cases) -> dict[str, object]:
    """What stated noise adds to the likelihood above the trailing volatility, and how far it is from the error."""
    factor = fitted_factor(valid.return_N, valid.forecast_N, valid.trailing_N)
    own_N = log_likelihood(test.return_N, test.forecast_N, test.noise_N)
    rival_N = log_likelihood(test.return_N, test.forecast_N, factor * test.trailing_N)
    ratios = by_decile(test.noise_N, test.error_N)["ratio"]
    return {
        "noise_gain": _bounded(by_session(own_N - rival_N, test.session_N)),
        "noise_ratio_by_decile": [round(ratio, 2) for ratio in ratios],
    }


def of_doubt(valid: Cases, test: Cases) -> dict[str, object]:
    """How well the probability is calibrated, and what acting on the doubt would have brought."""
    parts = decomposition(test.probability_N, test.rose)
    limits = float(np.median(valid.doubt_N)), float(np.median(valid.nearness))
    check_gate(valid.doubt_N, limits[0])
    gain = _bounded(gated_gain(test.brier, test.doubt_N, test.nearness, test.session_N, limits))
    return {
        "base_rate": round(float(test.rose.mean()), 4),
        "calibration_error": round(calibration_error(test.probability_N, test.rose), 4),
        "reliability_part": round(parts.reliability, 5),
        "resolution_part": round(parts.resolution, 5),
        "aurc_gain": _bounded(selective_gain(test.brier, test.doubt_N, test.session_N)),
        "gate_over_distance": gain,
        "gate": "adds something" if gain[1] > 0 else "is not shown to add anything beside |p - 1/2|",
        "gate_passes_test": round(float(np.mean(test.doubt_N < limits[0])), 3),
    }


def draw(test: Cases) -> None:
    """Three pictures, whose places are printed."""
    orders = {"stated doubt": test.doubt_N, "distance from one half": test.nearness}
    pictures = {
        "reliability": reliability_diagram(reliability(test.probability_N, test.rose)),
        "noise": stated_beside_error(by_decile(test.noise_N, test.error_N), "noise of the return"),
        "risk_coverage": risk_coverage(
            {name: risk_by_share(test.brier, of, test.session_N) for name, of in orders.items()}
        ),
    }
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        path = PICTURES / f"confidence_{name}.png"
        path.write_bytes(content)
        print(f"  drawn: {path}")


def _bounded(days_T: Floats) -> list[float]:
    found = interval(days_T, horizon=5)
    return [round(value, 5) for value in (found.mean, found.lower, found.upper)]
