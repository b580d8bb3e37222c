"""Against baselines: the daily excess return of one experiment less that of each simple model, session by session."""
# T sessions

from __future__ import annotations

from collections.abc import Mapping

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.bootstrap import DRAWS, paired
from assets.evaluation.intervals import LEAST_SESSIONS, SESSIONS_PER_YEAR
from assets.evaluation.superior import superior
from expectations.tables import Table

Floats = NDArray[np.float64]

RARE = 0.05


def _figure(definition: str, unit: str = "simple return a year") -> dy.Float64:
    return dy.Float64(nullable=True, metadata={"unit": unit, "definition": definition})


class AgainstBaselines(Table):
    """One row per baseline, in the order given; figures are null where too few sessions are shared."""

    baseline = dy.String(primary_key=True)
    sessions = dy.UInt32(metadata={"definition": "sessions that both have"})
    difference_annual = _figure("mean daily excess return less the baseline's; summed, not compounded")
    lower = _figure("lower bound, 95%, sessions drawn in stationary blocks, both together")
    upper = _figure("upper bound")
    block = _figure("mean length of the drawn blocks", "sessions")
    p_better = _figure("of such a lead, were the experiment no better than this baseline (Hansen)", "probability")
    p_worse = _figure("of such a lead of this baseline, were none of the baselines better (Hansen)", "probability")
    verdict = dy.String(metadata={"definition": "better, worse, not told apart, or why nothing is told"})


def against_baselines(
    own: pl.DataFrame, baselines: Mapping[str, pl.DataFrame], seed: int = 0, draws: int = DRAWS
) -> pl.DataFrame:
    """The `AgainstBaselines` table.

    own, baselines  session, excess_return; one that is null or not finite is left out
    raises          ValueError for no baseline, and for two returns of one session
    """
    if not baselines:
        raise ValueError("there is no baseline to compare with; give at least one")
    both = {name: _common([own, other]) for name, other in baselines.items()}
    told = [name for name, x_T2 in both.items() if len(x_T2) >= LEAST_SESSIONS and np.ptp(x_T2[:, 0] - x_T2[:, 1]) > 0]
    worse = _worse(_common([own, *(baselines[name] for name in told)]), told, seed, draws)
    rows = [
        _told(name, x_T2, worse.get(name), seed, draws) if name in told else _untold(name, x_T2)
        for name, x_T2 in both.items()
    ]
    schema = {name: column.dtype for name, column in AgainstBaselines.columns().items()}
    return AgainstBaselines.validate(pl.DataFrame(rows, schema=schema, orient="row"))


def sentence(table: pl.DataFrame) -> str:
    """'Against ridge: +3.1% a year [-1.0%, +7.2%] over 486 sessions, not told apart.' for each baseline."""
    parts = []
    for row in table.iter_rows(named=True):
        if row["difference_annual"] is None:
            parts.append(f"Against {row['baseline']}: {row['verdict']}.")
            continue
        bounds = f"[{100 * row['lower']:+.1f}%, {100 * row['upper']:+.1f}%]"
        parts.append(
            f"Against {row['baseline']}: {100 * row['difference_annual']:+.1f}% a year {bounds} over "
            f"{row['sessions']} sessions, {row['verdict']}."
        )
    return " ".join(parts)


def _told(name: str, x_T2: Floats, p_worse: float | None, seed: int, draws: int) -> tuple[object, ...]:
    found = paired(x_T2[:, 0], x_T2[:, 1], seed, draws)
    p_better = superior(x_T2[:, :1] - x_T2[:, 1:], seed, draws).consistent
    verdict = "not told apart"
    # Both must agree: the interval alone is a little too narrow where neighbours are alike.
    if found.lower > 0 and p_better < RARE:
        verdict = "better"
    elif found.upper < 0 and p_worse is not None and p_worse < RARE:
        verdict = "worse"
    annual = [value * SESSIONS_PER_YEAR for value in (found.mean, found.lower, found.upper)]
    return (name, found.sessions, *annual, found.block, p_better, p_worse, verdict)


def _untold(name: str, x_T2: Floats) -> tuple[object, ...]:
    few = f"not told: {len(x_T2)} sessions in common, at least {LEAST_SESSIONS} are needed"
    why = few if len(x_T2) < LEAST_SESSIONS else "not told: both differ by the same in every session"
    return (name, len(x_T2), None, None, None, None, None, None, why)


def _worse(x_TN: Floats, told: list[str], seed: int, draws: int) -> dict[str, float]:
    """P of each baseline's lead over the experiment, all baselines considered; on the sessions that all have."""
    if not told or len(x_TN) < LEAST_SESSIONS:
        return {}
    found = superior(x_TN[:, 1:] - x_TN[:, :1], seed, draws)
    return dict(zip(told, found.own_N.tolist(), strict=True))


def _common(frames: list[pl.DataFrame]) -> Floats:
    """Excess returns of each frame on the sessions of all, in time order, [T, N]."""
    wide = _clean(frames[0]).rename({"excess_return": "0"})
    for place, frame in enumerate(frames[1:], start=1):
        wide = wide.join(_clean(frame).rename({"excess_return": str(place)}), on="session")
    return np.ascontiguousarray(wide.sort("session").drop("session").to_numpy())


def _clean(frame: pl.DataFrame) -> pl.DataFrame:
    known = frame.select("session", "excess_return").filter(pl.col("excess_return").is_finite())
    if known["session"].n_unique() != known.height:
        raise ValueError("two returns stand on one session; give one row for each session")
    return known
