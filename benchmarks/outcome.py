"""Outcome: how a benchmark begins and ends; its options, its table, one line of JSON, its exit status."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REACHED, MISSED, NOT_POSSIBLE = 0, 1, 2


@dataclass(frozen=True)
class Demand:
    """A figure and the bound that it must keep."""

    key: str
    bound: float
    at_least: bool

    def met(self, value: float) -> bool:
        """Whether the value keeps the bound; NaN does not."""
        return value >= self.bound if self.at_least else value <= self.bound


def seeds_of(text: str) -> list[int]:
    """Seeds of '0..4', both included, or of '3'."""
    first, _, last = text.partition("..")
    return list(range(int(first), int(last or first) + 1))


def options(about: str, market: str | None = None, seeds: str | None = None) -> argparse.Namespace:
    """Command line of a benchmark; `--market` and `--seeds` where it has them."""
    parser = argparse.ArgumentParser(description=about)
    if market is not None:
        parser.add_argument("--market", default=market, help="specification of the synthetic market, YAML")
    if seeds is not None:
        parser.add_argument("--seeds", default=seeds, type=seeds_of, help=f"as {seeds}")
    return parser.parse_args()


def end(figures: Mapping[str, object], demands: Sequence[Demand]) -> int:
    """Say what was reached and what was missed, print the figures as the last line; returns the exit status."""
    status = REACHED
    for demand in demands:
        value = float(str(figures[demand.key]))
        met = demand.met(value)
        sign = ">=" if demand.at_least else "<="
        print(f"{demand.key}: {value:.4g}, asked {sign} {demand.bound:g}: {'reached' if met else 'MISSED'}")
        status = status if met else MISSED
    print(json.dumps({**figures, "commit": commit()}), flush=True)
    return status


def not_possible(reason: str) -> int:
    """Say why the benchmark cannot run here."""
    print(f"not possible here: {reason}", file=sys.stderr)
    print(json.dumps({"not_possible": reason, "commit": commit()}), flush=True)
    return NOT_POSSIBLE


def commit() -> str:
    """The commit that was measured, with a plus sign where files differ from it."""
    git = ["git", "-C", str(Path(__file__).resolve().parents[1])]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    return (head.strip() or "none") + ("+" if changed.strip() else "")
