"""Known worlds: what a kind of model showed where the truth is known, to stand beside its figures on a market.

The record is written by `python -m benchmarks.worlds`; a report's code version covers it, so a new record makes reports
anew.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

RECORD = Path(__file__).with_suffix(".csv")
NOT_WALKED = "This kind of model has not been walked through worlds whose truth is known: python -m benchmarks.worlds."


@dataclass(frozen=True)
class KnownWorlds:
    """One kind of model with short training in small worlds.

    null_z           pooled RankIC in standard errors where nothing foretells
    null_contains_0  null worlds whose 95% interval contains 0
    planted_z        the same z where a component of RankIC `planted_ic` is planted
    recovery         correlation within sessions with the true expected return that own prices carry, and its bounds
    ceiling          recovery of the same model when it is taught that return itself
    commit           what was measured
    """

    model: str
    null_worlds: int
    null_z: float
    null_contains_0: int
    planted_ic: float
    planted_z: float
    signal_worlds: int
    recovery: float
    recovery_lower: float
    recovery_upper: float
    ceiling: float
    commit: str

    def sentence(self) -> str:
        """'The same kind of model, trained for seconds on 20 null worlds: z +.52, ..; on 5 signal worlds: ..'."""
        return (
            f"The same kind of model, trained for seconds: on {self.null_worlds} null worlds z {self.null_z:+.2f}, "
            f"{self.null_contains_0} of {self.null_worlds} intervals contain 0 (z {self.planted_z:+.2f} where RankIC "
            f"{self.planted_ic:g} is planted); on {self.signal_worlds} signal worlds recovery {self.recovery:.2f} "
            f"[{self.recovery_lower:.2f}, {self.recovery_upper:.2f}] of what own prices carry, at best "
            f"{self.ceiling:.2f} (at {self.commit})."
        )


def told_of(model: str, record: Path = RECORD) -> str:
    """What is known of a kind of model in one sentence; where nothing is, how to find out."""
    known = read_record(record).get(model)
    return known.sentence() if known else NOT_WALKED


@cache
def read_record(record: Path) -> dict[str, KnownWorlds]:
    """The record by kind of model; empty where none was kept."""
    if not record.exists():
        return {}
    with record.open(encoding="utf-8", newline="") as file:
        return {row["model"]: _read(row) for row in csv.DictReader(file)}


def _read(row: dict[str, str]) -> KnownWorlds:
    kinds = {"int": int, "float": float, "str": str}
    return KnownWorlds(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(KnownWorlds)})
