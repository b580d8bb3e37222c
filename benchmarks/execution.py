"""Execution: cases worked by hand from the rules, to the cent, and what must never happen, on wild markets.

A case of `execution_cases.csv` is one security, z9, beside one that only keeps the calendar. `bars` holds a session
each, separated by `|`: its date, its price (or o, h, l, c, v for open, high, low, close and VWAP), and marks: `*` it is
forecast after this session, `halt`, `none` (no row), `up`, `down` (locked), `hi`, `lo` (closes at its limit), vol= and
f= (adj_factor, kept from there on). `expected` holds, separated by `|`, a session, `buy` or `sell` and amounts, or
`nothing` for no such order, or `day` with columns of the portfolio. How each was worked stands in `worked`.

Asked for: no case wrong, no invariant broken.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from assets.evaluation.portfolio import Simulation, simulate
from assets.evaluation.trading import TradingSpec
from benchmarks.outcome import Demand, end
from benchmarks.wild_markets import broken, wild_market, wild_spec

CASES = Path(__file__).with_name("execution_cases.csv")
PLAIN = {"top_k": 1, "hold_sessions": 1, "participation": None, "impact": 0.0}
PRICES = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "vwap"}
PREFIX = {"sse": "sh600999", "szse": "sz000999", "chinext": "sz300999", "star": "sh688999", "bse": "bj830999"}
BOARD = {"sse": "main", "szse": "main"}
KEEPER = "sh600000"
DEMANDS = (
    Demand("cases", 60, at_least=True),
    Demand("wrong", 0, at_least=False),
    Demand("broken", 0, at_least=False),
)


@dataclass(frozen=True)
class Case:
    """One line of the file."""

    case: str
    rule: str
    where: str
    setting: str
    bars: str
    expected: str
    worked: str

    @property
    def security(self) -> str:
        """Its id, by which its exchange and board are known."""
        return PREFIX[self.where]


def main() -> int:
    """Work through the cases and the markets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=300, help="how many wild markets are tried")
    told = parser.parse_args()
    cases = read_cases()
    wrong = [f"{case.case}: {line}" for case in cases for line in differences(case)]
    rng = np.random.default_rng(0)
    found = [f"market {number}: {line}" for number in range(told.markets) for line in on_wild_market(rng)]
    for line in (*wrong, *found[:20]):
        print(line)
    figures = {"cases": len(cases), "wrong": len({line.split(":")[0] for line in wrong}), "broken": len(found)}
    return end({**figures, "rules": len({case.rule for case in cases}), "markets": told.markets}, DEMANDS)


def read_cases() -> list[Case]:
    """Every case of the file."""
    with CASES.open(encoding="utf-8", newline="") as lines:
        return [Case(**row) for row in csv.DictReader(lines)]


def on_wild_market(rng: np.random.Generator) -> list[str]:
    """What one random market and setting breaks."""
    bars, universe, forecasts = wild_market(rng)
    spec = wild_spec(rng)
    return broken(simulate(forecasts, bars, universe, spec), bars, forecasts, spec)


def differences(case: Case) -> Iterator[str]:
    """Where the executor says something else than the hand, in words."""
    found = traded(case)
    for line in case.expected.split("|"):
        day, side, *amounts = line.split()
        rows = found.daily.filter(session=date.fromisoformat(day))
        if side != "day":
            rows = found.orders.filter(session=date.fromisoformat(day), side=side, security_id=case.security)
        if amounts == ["nothing"]:
            if len(rows):
                yield f"{day} {side}: expected no order, found {rows.row(0, named=True)}"
        elif len(rows) != 1:
            yield f"{day} {side}: expected one row, found {len(rows)}"
        else:
            yield from _apart(f"{day} {side}", rows.row(0, named=True), amounts)


def _apart(place: str, row: dict[str, Any], amounts: list[str]) -> Iterator[str]:
    for name, _, expected in (amount.partition("=") for amount in amounts):
        said = row[name]
        same = str(said) == expected if isinstance(said, str | None) else Decimal(str(said)) == Decimal(expected)
        if not same:
            yield f"{place} {name}: expected {expected}, found {said}"


def traded(case: Case) -> Simulation:
    """What the executor makes of a case."""
    own = [row for row in _rows(case) if row is not None]
    shown = own[0] | {"is_member": False, "is_suspended": False, "is_locked_up": False, "is_locked_down": False}
    days = [date.fromisoformat(line.split()[0]) for line in case.bars.split("|")]
    keeper = [shown | {"security_id": KEEPER, "board": "main", "session": day, "adj_factor": 1.0} for day in days]
    bars = pl.DataFrame([*own, *keeper], infer_schema_length=None)
    setting = {**PLAIN, **(yaml.safe_load("{" + case.setting + "}") or {})}
    decided = bars.filter(pl.col("session") < days[-1])
    forecasts = decided.select("session", "security_id", forecast=pl.lit(1.0))
    universe = bars.select("session", "security_id", "is_member")
    return simulate(forecasts, bars.drop("is_member"), universe, TradingSpec(**setting))


def _rows(case: Case) -> Iterator[dict[str, Any] | None]:
    factor = 1.0
    for line in case.bars.split("|"):
        day, *words = line.split()
        marks = {word for word in words if word.isalpha() or word == "*"}
        told = {word[0]: word[1:] for word in words if word[0] in PRICES and word not in marks and "=" not in word}
        given = dict(word.split("=") for word in words if "=" in word)
        plain = next((word for word in words if word[0].isdigit()), None)
        factor = float(given.get("f", factor))
        prices = {name: float(told.get(letter, plain or "nan")) for letter, name in PRICES.items()}
        yield None if "none" in marks else _row(case, date.fromisoformat(day), prices, marks, given, factor)


def _row(
    case: Case, day: date, prices: dict[str, float], marks: set[str], given: dict[str, str], factor: float
) -> dict[str, Any]:
    halted = "halt" in marks
    return {
        "session": day,
        "security_id": case.security,
        "board": BOARD.get(case.where, case.where),
        **({name: None for name in prices} if halted else prices),
        "volume": 0.0 if halted else float(given.get("vol", 1_000_000)),
        "adj_factor": factor,
        "limit_up": prices["close"] if marks & {"up", "hi"} else prices["high"] + 1,
        "limit_down": prices["close"] if marks & {"down", "lo"} else prices["low"] - 1,
        "is_suspended": halted,
        "is_locked_up": "up" in marks,
        "is_locked_down": "down" in marks,
        "is_member": "*" in marks,
    }


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
