"""Market truth: does the embedded market earn what its specification asks and what its truth says?

For each seed worlds are drawn that share every random number: the one of the specification, its twin in which nothing
is foretold, both nulls, and a faint one with a single component of RankIC .01. Labels are the project's own, from bars
through cleaning. Asked for, per planted component and premium:
- the mean oracle RankIC at 5 sessions over all seeds lies within 10% of what was asked. The twin's RankIC, which is
  noise of mean 0, is taken off first (a control variate); the plain means stand beside it. The volatility premium is
  only shown: the ranks of wild securities are lower at the same mean return, which is no expected return.
- all of it together earns .06 in the default specification, within 10%.
- each seed's plain RankIC lies within 3 standard errors of what was asked (Bartlett, lag 3h, pooled over seeds).
- what is foretold in the specification's world foretells nothing in the nulls, and their truth does not differ between
  the securities of a session (exchangeable: in nothing; realistic: in no component).
- the faint world is told from none, pooled over seeds.
- E[label | known] of 1,000 states: the law is restarted from each many times with fresh noise.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.evaluation.intervals import interval
from assets.sources.embedded.truth import LIMITS, NOISE_SCALE, PUMP, REVERSAL, SIZE, TOTAL, VOLATILITY
from assets.sources.embedded.truth import MARKET as MARKET_DRIFT
from assets.sources.synthetic_market import COMPONENTS, TREND, Premia, SyntheticMarketSpec
from assets.targets.forward_returns import forward_returns
from benchmarks import market_states
from benchmarks.outcome import Demand, end, options
from expectations.tables import RawBars
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "truth.yaml"
HORIZON = 5
FAINT = 0.01
KEYS = ("session", "security_id")
NOT_SCORED = (*KEYS, "horizon", NOISE_SCALE, MARKET_DRIFT, PUMP, LIMITS)
NOT_JUDGED = (VOLATILITY, TOTAL)
DEFAULT_TOTAL = 0.06
"""RankIC at 5 sessions of all that the default specification foretells."""
WORLDS = ("signal", "twin", "null_realistic", "null_exchangeable", "faint")


@dataclass(frozen=True)
class Score:
    """Mean daily RankIC of one column of the oracle in one world of one seed, and its standard error."""

    seed: int
    world: str
    column: str
    mean: float
    error: float


def main() -> int:
    """Score every seed and every state, print a line for each column, and say what was reached."""
    asked = options(str(__doc__), str(MARKET), seeds="0..4")
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"
    began = time.monotonic()
    settings = yaml.safe_load(Path(asked.market).read_text(encoding="utf-8"))
    with workers() as pool:
        checked = [pool.submit(market_states.check, settings, seed) for seed in range(market_states.MARKETS)]
        scored = [pool.submit(score_seed, settings, seed) for seed in asked.seeds]
        found = [score for future in scored for score in _told(future.result(), began)]
        states = market_states.pooled([future.result() for future in checked])
    wanted = asked_of(SyntheticMarketSpec.model_validate(settings))
    figures = {**judged(found, wanted), **states}
    figures |= {"seeds": asked.seeds, "minutes": round((time.monotonic() - began) / 60, 1)}
    return end(figures, _demands(SyntheticMarketSpec.model_validate(settings)))


def asked_of(spec: SyntheticMarketSpec) -> dict[str, float]:
    """RankIC that the specification asks of each column; that of `total` is their root sum of squares."""
    wanted = {component.name: component.ic for component in spec.components}
    premia = {REVERSAL: spec.premia.reversal_ic, VOLATILITY: spec.premia.volatility_ic, SIZE: spec.premia.size_ic}
    wanted |= premia if spec.switched_on.premia else {}
    return {**wanted, TOTAL: float(np.sqrt(sum(ic**2 for ic in wanted.values())))}


def score_seed(settings: Mapping[str, object], seed: int) -> list[Score]:
    """The oracle of one seed in each of its worlds."""
    spec = SyntheticMarketSpec.model_validate({**settings, "seed": seed})
    oracle, found = _oracle(spec), []
    for world in WORLDS:
        drawn = _world(spec, world)
        told = _oracle(drawn) if world == "faint" else oracle
        found += _scores(seed, world, told, _labels(drawn))
        if world.startswith("null"):
            found.append(Score(seed, world, "truth differs", _differs(drawn), 0.0))
    return found


def _world(spec: SyntheticMarketSpec, world: str) -> SyntheticMarketSpec:
    if world in ("signal", "null_realistic", "null_exchangeable"):
        return spec.model_copy(update={"world": world})
    components = tuple(component.model_copy(update={"ic": 0.0}) for component in spec.components)
    if world == "faint":
        components = (TREND.model_copy(update={"ic": FAINT}),)
    nothing = Premia(volatility_ic=0.0, size_ic=0.0, reversal_ic=0.0)
    switches = spec.switched_on.model_copy(update={"pumps": False})
    return spec.model_copy(update={"components": components, "premia": nothing, "switched_on": switches})


def _oracle(spec: SyntheticMarketSpec) -> pl.DataFrame:
    """The truth at 5 sessions, and the sum of the planted components."""
    told = spec.truth().filter(pl.col("horizon") == HORIZON)
    planted = pl.sum_horizontal([component.name for component in spec.components])
    return told.with_columns(components=planted)


def _labels(spec: SyntheticMarketSpec) -> pl.DataFrame:
    raw = spec.read(RawBars, spec.first_session(), spec.last_session()).lazy()
    sessions = calendar(raw).collect().lazy()
    labels = forward_returns(bars(raw, sessions).collect().lazy(), sessions).filter(pl.col("horizon") == HORIZON)
    return labels.select(*KEYS, "forward_return").drop_nulls().collect()


def _scores(seed: int, world: str, oracle: pl.DataFrame, labels: pl.DataFrame) -> list[Score]:
    columns = [name for name in oracle.columns if name not in NOT_SCORED]
    both = oracle.join(labels, on=KEYS)
    ranked = both.select("session", *(pl.col(name).rank().over("session") for name in (*columns, "forward_return")))
    daily = ranked.group_by("session").agg(pl.corr(name, "forward_return") for name in columns).sort("session")
    found = []
    for name in columns:
        series = daily[name].fill_nan(None).drop_nulls()
        told = interval(series, HORIZON) if len(series) > HORIZON else None
        found.append(Score(seed, world, name, told.mean if told else 0.0, told.mean / told.t if told else np.nan))
    return found


def _differs(spec: SyntheticMarketSpec) -> float:
    """Largest spread of the truth between securities of a session: of all of it, or of its components alone."""
    columns = [component.name for component in spec.components]
    columns += [TOTAL] if spec.world == "null_exchangeable" else []
    spread = spec.truth().group_by("session", "horizon").agg(pl.col(columns).max() - pl.col(columns).min())
    return float(str(spread.select(pl.max_horizontal(pl.col(columns).max())).item()))


def judged(found: Sequence[Score], wanted: Mapping[str, float]) -> dict[str, float]:
    """The figures over all seeds, with a line printed for each column."""
    print(f"{'column':16} {'asked':>8} {'mean':>8} {'s.e.':>8} {'less twin':>9} {'ratio':>7} {'worst seed z':>12}")
    ratios, plain, seed_zs = {}, {}, {}
    for column, ic in wanted.items():
        own, twin = _of(found, "signal", column), _of(found, "twin", column)
        error = float(np.sqrt(np.mean([score.error**2 for score in own])))
        mean, paired = _mean(own), _mean(own) - _mean(twin)
        target = mean if column == TOTAL else ic
        zs = [(score.mean - target) / error for score in own]
        ratios[column], plain[column], seed_zs[column] = paired / ic, mean / ic, max(zs, key=abs)
        print(
            f"{column:16} {ic:8.4f} {mean:8.4f} {error / np.sqrt(len(own)):8.4f} {paired:9.4f} {ratios[column]:7.3f}"
            f" {seed_zs[column]:+12.2f}"
        )
    nulls = _nulls(found)
    faint = _z(_of(found, "faint", TREND.name))
    differs = max(score.mean for score in found if score.column == "truth differs")
    return {
        "mean_ratio_worst": _worst(ratios),
        "plain_ratio_worst": _worst(plain),
        "total_rank_ic": _mean(_of(found, "signal", TOTAL)),
        "seed_z_worst": max(abs(z) for column, z in seed_zs.items() if column not in NOT_JUDGED),
        "null_z": max(abs(z) for z in nulls.values()),
        "null_truth_spread": differs,
        "detects_01": faint,
    }


def _nulls(found: Sequence[Score]) -> dict[str, float]:
    """Z of each column of the oracle over all seeds of both nulls; premia do earn in the realistic one."""
    columns = {score.column for score in found if score.world == "signal"} - {"truth differs"}
    earning = {TOTAL, REVERSAL, SIZE, VOLATILITY}
    zs = {f"null_exchangeable {name}": _z(_of(found, "null_exchangeable", name)) for name in sorted(columns)}
    zs |= {f"null_realistic {name}": _z(_of(found, "null_realistic", name)) for name in sorted(columns - earning)}
    for name, z in zs.items():
        print(f"{name:36} z {z:+.2f}")
    return zs


def _of(found: Sequence[Score], world: str, column: str) -> list[Score]:
    return [score for score in found if (score.world, score.column) == (world, column)]


def _mean(scores: Sequence[Score]) -> float:
    return float(np.mean([score.mean for score in scores]))


def _z(scores: Sequence[Score]) -> float:
    """Mean over seeds in standard errors; the seeds are independent."""
    return float(sum(score.mean for score in scores) / np.sqrt(sum(score.error**2 for score in scores)))


def _worst(ratios: Mapping[str, float]) -> float:
    """The ratio of a judged column that lies furthest from 1."""
    return max(
        (ratio for column, ratio in ratios.items() if column not in NOT_JUDGED), key=lambda ratio: abs(ratio - 1)
    )


def _told(scores: list[Score], began: float) -> list[Score]:
    total = next(score for score in scores if (score.world, score.column) == ("signal", TOTAL))
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:5.1f} min: seed {total.seed}, total RankIC {total.mean:.4f} +- {total.error:.4f}", flush=True)
    return scores


def _demands(spec: SyntheticMarketSpec) -> list[Demand]:
    is_default = (spec.components, spec.premia) == (COMPONENTS, Premia())
    bounds = (0.9 * DEFAULT_TOTAL, True), (1.1 * DEFAULT_TOTAL, False)
    total = [Demand("total_rank_ic", bound, at_least=at_least) for bound, at_least in bounds if is_default]
    return [
        *total,
        Demand("mean_ratio_worst", 1.1, at_least=False),
        Demand("mean_ratio_worst", 0.9, at_least=True),
        Demand("seed_z_worst", 3.0, at_least=False),
        Demand("null_z", 3.3, at_least=False),
        Demand("null_truth_spread", 0.0, at_least=False),
        Demand("detects_01", 3.3, at_least=True),
        *market_states.demands(),
    ]


if __name__ == "__main__":
    sys.exit(main())
