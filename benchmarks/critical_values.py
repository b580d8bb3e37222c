"""Critical values: are those of the intervals the quantiles of the fixed-b limit, at every level that is used?

The t statistic of a mean, with Bartlett's long-run variance of a lag that is a share b of the sessions, is drawn many
times from independent normal sessions. For each level that `assets/evaluation/intervals.py` keeps, the cubic in b that
fits the drawn quantiles best is printed beside the one that is kept, and how often |t| lies above the kept one.

Asked for: that share of the paths is the one that the level names, within a tenth of it, at every level and b.
"""
# R independent paths, T sessions, B shares, V levels

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assets.evaluation.intervals import CRITICAL_VALUES, critical_value, standard_errors
from benchmarks.outcome import Demand, end

SESSIONS = 1_000
AT_ONCE = 4_000
SHARES = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
FURTHEST = 0.1


def main() -> int:
    """Draw the paths, and print each level."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=400_000)
    parser.add_argument(
        "--seed", type=int, default=1, help="the levels that are not in the paper were fitted on seed 0"
    )
    asked = parser.parse_args()
    t_RB = drawn(asked.paths, np.random.default_rng(asked.seed))
    apart = {}
    for level in sorted(CRITICAL_VALUES):
        apart[level] = max(abs(share / (1 - level) - 1) for share in exceeded(t_RB, level))
        fitted = ", ".join(f"{part:.4f}" for part in cubic(t_RB, level))
        kept = ", ".join(f"{part:.4f}" for part in CRITICAL_VALUES[level])
        print(f"{level:<9} kept ({kept})  drawn ({fitted})  furthest share {1 + apart[level]:.3f} times what is named")
    figures = {"furthest": round(max(apart.values()), 4), "paths": asked.paths, "levels": sorted(apart)}
    return end(figures, [Demand("furthest", FURTHEST, at_least=False)])


def drawn(paths: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """|t| of each path at each share of the sessions, [R, B]."""
    parts = []
    for start in range(0, paths, AT_ONCE):
        x_RT = rng.standard_normal((min(AT_ONCE, paths - start), SESSIONS))
        mean_R = np.abs(x_RT.mean(axis=1))
        parts.append(np.stack([mean_R / standard_errors(x_RT, lag_at(share)) for share in SHARES], axis=1))
    return np.concatenate(parts)


def lag_at(share: float) -> int:
    """Lag whose share of the sessions is b."""
    return round(share * SESSIONS) - 1


def exceeded(t_RB: NDArray[np.float64], level: float) -> list[float]:
    """Share of the paths above the kept critical value, at each b."""
    return [float((t_RB[:, place] > critical_value(share, level)).mean()) for place, share in enumerate(SHARES)]


def cubic(t_RB: NDArray[np.float64], level: float) -> tuple[float, float, float, float]:
    """The cubic in b through the normal quantile at 0 that fits the drawn quantiles best."""
    normal = float(ndtri((1 + level) / 2))
    share_B = np.array(SHARES)
    powers_B3 = np.stack([share_B, share_B**2, share_B**3], axis=1)
    above_B = np.quantile(t_RB, level, axis=0) - normal
    found = np.linalg.lstsq(powers_B3, above_B, rcond=None)[0]
    return normal, float(found[0]), float(found[1]), float(found[2])


if __name__ == "__main__":
    sys.exit(main())
