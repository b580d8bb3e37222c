"""Two-level: does the coordinator find who leads whom, where it is planted, and nothing where it is not?

Worlds of 40 baskets of 5 names: a leader that nobody is told of foretells its followers three sessions later with a
RankIC of .10. `recovery` is the mean daily correlation of the forecasts, averaged over three fits, with what the
leaders foretold, on 500 test sessions that nothing was chosen on; its interval is that of the worlds (Student's t).
Compared: a single LSTM, the same network whose baskets hold other baskets' leaders, a single LSTM that is given its
neighbours' returns, and the two-level network in worlds in which nobody leads.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import as_completed

import numpy as np
import polars as pl
from scipy import stats

from assets.evaluation.information import seed_averaged
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import Panel
from assets.training.spec import TrainingSpec
from benchmarks.lead_lag import BASKETS, SIZE, LeadLag, lead_lag, with_neighbours, without_leaders
from benchmarks.outcome import Demand, end, options
from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec
from models.two_level_lstm import TwoLevelLstmSpec
from pipelines.home import be_quiet
from pipelines.workers import workers

TRAINING = TrainingSpec(
    seeds=3, max_epochs=24, patience=8, learning_rate=0.02, schedule="cosine", batch_size=BASKETS * SIZE
)
SINGLE = LstmSpec(look_back=20, hidden=32)
DEMANDS = (
    Demand("recovery", 0.70, at_least=True),
    Demand("recovery_lower", 0.60, at_least=True),
    Demand("single_widest", 0.10, at_least=False),
    Demand("shuffled_widest", 0.10, at_least=False),
    Demand("absent_widest", 0.05, at_least=False),
)
Basket = tuple[str, ...]
CASES = ("two_level", "shuffled", "absent", "single", "neighbours")


def two_level(baskets: tuple[Basket, ...]) -> TwoLevelLstmSpec:
    """The network of the comparison; who leads is left to it."""
    return TwoLevelLstmSpec(look_back=20, expert=16, coordinator=16, embedding=0, id_dropout=0.0, baskets=baskets)


def main() -> int:
    """Print the recovery of every case and world, and its interval."""
    asked = options(str(__doc__), seeds="0..4")
    began = time.monotonic()
    jobs = [(case, seed) for case in CASES for seed in asked.seeds]
    with workers() as pool:
        pending = {pool.submit(recovered, *job): job for job in jobs}
        found: dict[str, dict[int, float]] = {case: {} for case in CASES}
        for done in as_completed(pending):
            case, seed = pending[done]
            found[case][seed] = done.result()
            print(f"{case:12} world {seed}: {found[case][seed]:+.3f}", flush=True)
    figures = {key: value for case in CASES for key, value in _told(case, list(found[case].values())).items()}
    figures |= {"recovery": figures.pop("two_level"), "recovery_lower": figures.pop("two_level_lower")}
    return end({**figures, "minutes": round((time.monotonic() - began) / 60, 1)}, DEMANDS)


def recovered(case: str, seed: int) -> float:
    """Mean daily correlation of forecasts and component in one world."""
    be_quiet()
    drawn, panel, model = case_of(case, seed)
    parts = []
    for number in range(TRAINING.seeds):
        fitted = fit(panel, model, MeanSquaredSpec(), TRAINING, number, lambda _: None)
        parts.append(forecasts(panel, fitted.forecaster, number, "world").filter(segment="test"))
    return recovery(drawn, seed_averaged(pl.concat(parts)))


def recovery(drawn: LeadLag, forecast: pl.DataFrame) -> float:
    """Mean over sessions of the correlation of the forecasts with the component, over all names."""
    rows, sessions = drawn.panel.grid.places(forecast)
    forecast_ST = np.full(drawn.panel.grid.shape, np.nan)
    forecast_ST[rows, sessions] = forecast["forecast"].to_numpy()
    days = np.unique(sessions)
    return float(np.mean([np.corrcoef(forecast_ST[:, day], drawn.component_ST[:, day])[0, 1] for day in days]))


def case_of(case: str, seed: int) -> tuple[LeadLag, Panel, LstmSpec | TwoLevelLstmSpec]:
    """The world of a case, what is shown of it, and the network that sees it."""
    drawn = lead_lag(seed, absent=case == "absent")
    if case == "single":
        return drawn, drawn.panel, SINGLE
    if case == "neighbours":
        return drawn, with_neighbours(drawn), SINGLE
    return drawn, drawn.panel, two_level(without_leaders(drawn, seed) if case == "shuffled" else drawn.baskets)


def _told(case: str, values: Sequence[float]) -> dict[str, float]:
    """Mean over the worlds, the lower end of its 95% interval, and the larger end by size."""
    mean = float(np.mean(values))
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    print(f"{case:12} {mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]")
    ends = (abs(mean - half), abs(mean + half))
    return {case: round(mean, 4), f"{case}_lower": round(mean - half, 4), f"{case}_widest": round(max(ends), 4)}


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
