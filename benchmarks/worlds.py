"""Worlds: does each model find nothing where nothing is, and what prices foretell where they do?

Three kinds of small worlds are drawn from the specification, and each model walks forward through two folds of them,
trained for seconds. *Null*: the exchangeable null, which shares the noise law of the specification. *Planted*: the same
with one linear component of RankIC .02 in own prices. *Signal*: the specification itself, in the first five seeds.

Asked for: in the null the RankIC of each model, pooled over the worlds, lies within 3.3 standard errors of 0, and at
least 15 of 20 of its 95% intervals contain 0. The same demand must fail in the planted worlds: a check that cannot fail
shows nothing. In the signal worlds the model chosen on validation recovers .5 of what prices can carry.

Recovery is the mean over test sessions, pooled over worlds, of the correlation between the forecast and the true
expected return within the session. It is taken with the components that a security's own prices and volumes determine:
those driven by `own_price`, linear or not, and the reversal premium where it is on, added up. Components of statements,
news, measures, customers and industries are left out, since features of own prices tell them in part at most; they
are only shown. What a model could recover at best is less than 1, since its windows are short and its form is given:
the *ceiling* is the recovery of the same model taught the carried return itself in the place of the noisy label,
which is the projection on its class as far as the training rows determine it. It stands beside and is not judged.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from assets.evaluation.information import daily, information, seed_averaged
from assets.evaluation.intervals import Interval, interval
from assets.evaluation.known_worlds import RECORD, KnownWorlds
from assets.sources.embedded.signal import Component
from assets.sources.embedded.truth import NOISE_SCALE, REVERSAL
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.outcome import Demand, commit, end, options
from benchmarks.pooling import contains_0, pooled_mean, pooled_z
from benchmarks.world import beginning_with, project_of, tables_of, walk_forward
from pipelines.experiment_assets import Walk
from pipelines.home import be_quiet
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "worlds.yaml"
EXPERIMENTS = Path(__file__).parent / "experiments" / "short"
NULL, PLANTED, SIGNAL = "null", "planted", "signal"
FOLDS = 2
SIGNAL_WORLDS = 5
FEWEST_KEPT = 20
LARGEST_Z = 3.3
CONTAINS_0 = 15 / 20
PLANT = Component(
    name="planted", driver="own_price", ic=0.02, half_life=1.5, direction="reversal", coefficient_spread=0
)
"""A reversal over days: what a line over a few sessions of prices can find in a year of a hundred securities."""
CARRIED = "carried"
CEILING = "ceiling"
KEYS = ("session", "security_id")


@dataclass(frozen=True)
class Walked:
    """One model through one world: RankIC on validation and out of sample, and its recoveries by session.

    recovery  session, and the correlation with the carried return, each part of the truth and the ceiling; empty where
              nothing is foretold
    """

    model: str
    valid_rank_ic: float
    test: Interval
    recovery: pl.DataFrame


@dataclass(frozen=True)
class World:
    """One world of one seed, and every model in it."""

    kind: str
    seed: int
    seconds: float
    horizon: int
    walked: tuple[Walked, ...]

    @property
    def chosen(self) -> Walked:
        """The model with the highest RankIC on validation."""
        return max(self.walked, key=lambda walked: walked.valid_rank_ic)


def main() -> int:
    """Walk every world, two at a time; print each, the table of models, and say what was reached."""
    asked = options(str(__doc__), str(MARKET), seeds="0..19")
    tasks = [(asked.market, seed, kind) for seed in asked.seeds for kind in (NULL, PLANTED)]
    tasks += [(asked.market, seed, SIGNAL) for seed in asked.seeds[:SIGNAL_WORLDS]]
    # One thread for each world, as many worlds as cores: small matrices gain nothing from a second thread.
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"
    began = time.monotonic()
    worlds = []
    with workers() as pool:
        for done in as_completed([pool.submit(walk_world, *task) for task in tasks]):
            worlds.append(done.result())
            _tell(worlds[-1], len(worlds), len(tasks))
    found = judged(worlds)
    _show(worlds, found)
    if Path(asked.market) == MARKET and len(asked.seeds) >= FEWEST_KEPT:
        keep(found, RECORD)
    figures = {
        **summed(found),
        "recovery": recovered([(world, world.chosen) for world in worlds if world.kind == SIGNAL], CARRIED).mean,
        "seeds": asked.seeds,
        "seconds_a_world": round(max(world.seconds for world in worlds), 1),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    return end(figures, demands(len(asked.seeds)))


def demands(worlds: int) -> list[Demand]:
    """What is asked of so many null worlds."""
    return [
        Demand("null_pooled_z_max", LARGEST_Z, at_least=False),
        Demand("null_contains_0_min", CONTAINS_0 * worlds, at_least=True),
        Demand("planted_z", LARGEST_Z, at_least=True),
        Demand("recovery", 0.5, at_least=True),
    ]


def summed(found: Sequence[KnownWorlds]) -> dict[str, float]:
    """Over all models: the largest pooled |z| of null and planted worlds, and the fewest intervals that contain 0.

    A model without a z makes the largest one NaN, which meets no demand.
    """
    return {
        "null_pooled_z_max": float(np.max([abs(one.null_z) for one in found])),
        "null_contains_0_min": min(one.null_contains_0 for one in found),
        "planted_z": float(np.max([abs(one.planted_z) for one in found])),
    }


def walk_world(market: str, seed: int, kind: str) -> World:
    """Draw one world and walk every model through its first folds, in memory and in one process."""
    be_quiet()
    began = time.monotonic()
    spec = drawn(market, seed, kind)
    with tempfile.TemporaryDirectory() as folder:
        experiments = beginning_with(spec, EXPERIMENTS, Path(folder) / "experiments")
        walks = project_of(spec, Path(folder), experiments).walks.values()
    tables = tables_of(spec, {key for walk in walks for key in walk.tables.values()})
    walked = tuple(_walked(walk, tables, spec, kind) for walk in walks)
    horizon = max(walk.experiment.target.horizon for walk in walks)
    return World(kind, seed, time.monotonic() - began, horizon, walked)


def drawn(market: str, seed: int, kind: str) -> SyntheticMarketSpec:
    """The specification of a world; the planted one is the null with one component more."""
    settings = yaml.safe_load(Path(market).read_text(encoding="utf-8"))
    spec = SyntheticMarketSpec.model_validate({**settings, "seed": seed})
    if kind == SIGNAL:
        return spec.model_copy(update={"world": "signal"})
    null = spec.model_copy(update={"world": "null_exchangeable"})
    if kind == NULL:
        return null
    return null.effective().model_copy(update={"world": "signal", "components": (PLANT,)})


def carried(spec: SyntheticMarketSpec) -> list[str]:
    """Columns of the truth that a security's own prices and volumes determine."""
    law = spec.effective()
    own = [component.name for component in law.components if component.driver == "own_price" and component.ic > 0]
    return own + ([REVERSAL] if law.switched_on.premia else [])


def _walked(walk: Walk, tables: Mapping[str, pl.DataFrame], spec: SyntheticMarketSpec, kind: str) -> Walked:
    walk = first_folds(walk)
    horizon = walk.experiment.target.horizon
    forecast = walk_forward(walk, tables)
    told = information(forecast, tables["targets/forward_returns"], horizon)
    recovery = _recovery(walk, forecast, tables, spec) if kind == SIGNAL and carried(spec) else pl.DataFrame()
    return Walked(
        walk.experiment.model.kind,
        float(str(daily(told, "valid")["rank_ic"].mean())),
        interval(daily(told, "test")["rank_ic"], horizon),
        recovery,
    )


def _recovery(
    walk: Walk, forecast: pl.DataFrame, tables: Mapping[str, pl.DataFrame], spec: SyntheticMarketSpec
) -> pl.DataFrame:
    """The recoveries of one model, and of the same model when it is taught the carried return."""
    truth = spec.truth().filter(pl.col("horizon") == walk.experiment.target.horizon).drop(NOISE_SCALE)
    truth = truth.with_columns(pl.sum_horizontal(carried(spec)).alias(CARRIED))
    taught = walk_forward(walk, {**tables, "targets/forward_returns": taught_by(truth, tables)})
    at_best = recovery(taught, truth.select(*KEYS, pl.col(CARRIED).alias(CEILING)))
    return recovery(forecast, truth.drop("horizon")).join(at_best, on="session", how="left")


def taught_by(truth: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The labels with the carried return in their place; a label that the truth does not tell is left out."""
    labels = tables["targets/forward_returns"]
    both = labels.join(truth.select(*KEYS, "horizon", CARRIED), on=[*KEYS, "horizon"])
    return both.with_columns(pl.col(CARRIED).cast(labels.schema["forward_return"]).alias("forward_return")).drop(
        CARRIED
    )


def recovery(forecast: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Session, and for each column of the truth its correlation with the seed-averaged test forecast within it.

    truth  session, security_id and the columns; one that is the same for all names has no correlation: null
    """
    parts = [name for name in truth.columns if name not in KEYS]
    test = seed_averaged(forecast.filter(pl.col("segment") == "test")).join(truth, on=list(KEYS))
    told = test.group_by("session").agg(pl.corr("forecast", name).fill_nan(None).alias(name) for name in parts)
    return told.sort("session")


def recovered(pairs: Sequence[tuple[World, Walked]], column: str) -> Interval:
    """Recovery of a column pooled over worlds, each with the model that stands for it there."""
    told = [(world, walked) for world, walked in pairs if column in walked.recovery.columns]
    return pooled_mean([walked.recovery.select("session", column) for _, walked in told], _horizon(pairs))


def judged(worlds: Sequence[World]) -> list[KnownWorlds]:
    """What each model showed in all worlds."""
    models = sorted({walked.model for world in worlds for walked in world.walked})
    return [_judged(model, worlds) for model in models]


def _judged(model: str, worlds: Sequence[World]) -> KnownWorlds:
    tests = {kind: [walked.test for _, walked in _of(worlds, model, kind)] for kind in (NULL, PLANTED)}
    signal = _of(worlds, model, SIGNAL)
    found = recovered(signal, CARRIED)
    return KnownWorlds(
        model=model,
        null_worlds=len(tests[NULL]),
        null_z=pooled_z(tests[NULL]),
        null_contains_0=contains_0(tests[NULL]),
        planted_ic=PLANT.ic,
        planted_z=pooled_z(tests[PLANTED]),
        signal_worlds=len(signal),
        recovery=found.mean,
        recovery_lower=found.lower,
        recovery_upper=found.upper,
        ceiling=recovered(signal, CEILING).mean,
        commit=commit(),
    )


def keep(found: Sequence[KnownWorlds], record: Path) -> None:
    """Write what reports and the leaderboard show of each kind of model."""
    with record.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(KnownWorlds.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        for one in found:
            rounded = {
                key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(one).items()
            }
            writer.writerow(rounded)
    print(f"kept in {record}; reports show it")


def first_folds(walk: Walk) -> Walk:
    """The walk over its first two folds."""
    return replace(walk, folds=walk.folds[:FOLDS])


def _of(worlds: Sequence[World], model: str, kind: str) -> list[tuple[World, Walked]]:
    return [(world, one) for world in worlds if world.kind == kind for one in world.walked if one.model == model]


def _horizon(pairs: Sequence[tuple[World, Walked]]) -> int:
    return max((world.horizon for world, _ in pairs), default=1)


def _tell(world: World, done: int, of: int) -> None:
    means = ", ".join(f"{one.model} {one.test.mean:+.4f} (t {one.test.t:+.2f})" for one in world.walked)
    chosen = f"; chosen on validation: {world.chosen.model}" if world.kind == SIGNAL else ""
    print(f"{done} of {of}: seed {world.seed}, {world.kind}, {world.seconds:.0f} s: {means}{chosen}", flush=True)


def _show(worlds: Sequence[World], found: Sequence[KnownWorlds]) -> None:
    print(f"\n{'model':20} {'null z':>7} {'contain 0':>10} {'planted z':>10} {'recovery':>25} {'ceiling':>8}")
    for one in found:
        bounds = f"{one.recovery:.3f} [{one.recovery_lower:.3f}, {one.recovery_upper:.3f}]"
        share = f"{one.null_contains_0} of {one.null_worlds}"
        print(f"{one.model:20} {one.null_z:+7.2f} {share:>10} {one.planted_z:+10.2f} {bounds:>25} {one.ceiling:8.3f}")
    chosen = [(world, world.chosen) for world in worlds if world.kind == SIGNAL]
    columns = [name for _, walked in chosen[:1] for name in walked.recovery.columns if name != "session"]
    parts = {name: recovered(chosen, name).mean for name in columns}
    print(
        "recovery of the chosen model: "
        + ", ".join(f"{name} {mean:.3f}" for name, mean in parts.items() if mean == mean)
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
