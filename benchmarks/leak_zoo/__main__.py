"""Leak zoo: does a blocking check stop every known leak, and none of its harmless twins?

Each leak is planted in five variants in a copy of the source; the project then brings a small market up to date. A leak
is caught when every variant ends in a failed check that blocks, before a leaderboard is written, and its twins, the
honest form of the change in each place, go through. The first variant of each leak runs under Dagster's automation, as
a demo does; for the others the same assets, verdicts and refusals are called one after another.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from benchmarks.leak_zoo.caught import COLUMNS, RECORD
from benchmarks.leak_zoo.leak import VARIANTS, Leak, Variant, catalogue, twins, variants
from benchmarks.leak_zoo.planting import PlantingError
from benchmarks.leak_zoo.trial import Found
from benchmarks.leak_zoo.yard import Yard
from benchmarks.outcome import MISSED, REACHED, Demand, commit, end, not_possible

MARKET = Path(__file__).parents[1] / "markets" / "zoo.yaml"
PREFIX_DECISIONS = 3
WIDTH = 150


@dataclass
class Judged:
    """What became of the variants of one leak and of its twins."""

    leak: Leak
    asked: int
    found: list[tuple[Variant, Found]] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all have ended."""
        return len(self.found) == self.asked

    @property
    def escaped(self) -> list[tuple[Variant, Found]]:
        """Variants that no check stopped, or that failed otherwise."""
        return [(variant, found) for variant, found in self.found if not variant.is_twin and not found.is_caught]

    @property
    def alarmed(self) -> list[tuple[Variant, Found]]:
        """Twins that did not go through."""
        return [(variant, found) for variant, found in self.found if variant.is_twin and not found.is_clean]

    @property
    def is_caught(self) -> bool:
        """Every variant was stopped and no twin was."""
        return not self.escaped and not self.alarmed

    @property
    def stopped_by(self) -> list[str]:
        """`verdict: evidence` of every check that stopped a variant, as they were found."""
        return list(
            dict.fromkeys(check for variant, found in self.found for check in found.stopped_by if not variant.is_twin)
        )

    @property
    def seen_by_prefix(self) -> bool:
        """Whether prefix recompute alone would have found every variant."""
        return all(found.prefix for variant, found in self.found if not variant.is_twin)


def main() -> int:
    """Judge the leaks that are asked for, or a patch from outside."""
    asked = _options()
    with tempfile.TemporaryDirectory(prefix="leak_zoo_") as scratch:
        yard = Yard(asked.folder or Path(scratch), asked.market, asked.at_once)
        if asked.patch:
            return _judge_patch(yard, asked.patch)
        return _judge_leaks(yard, asked.only, asked.seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__))
    parser.add_argument("--market", type=Path, default=MARKET, help="specification of the synthetic market, YAML")
    parser.add_argument("--only", type=_numbers, help="numbers of leaks, as 4,9")
    parser.add_argument("--patch", type=Path, help="a leak from outside: a unified diff against the repository")
    parser.add_argument("--seed", type=int, default=0, help="draws the variants")
    parser.add_argument("--at-once", type=int, default=2, help="trials side by side")
    parser.add_argument(
        "--folder", type=Path, help="an empty folder to work in, kept with its logs; else a temporary one"
    )
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _judge_patch(yard: Yard, patch: Path) -> int:
    """Print whether a patch from outside is stopped, and by which check."""
    yard.open()
    try:
        found = yard.try_patch(patch)
    except PlantingError as error:
        return not_possible(str(error))
    if found.is_caught:
        print(f"{patch}: caught by {', '.join(found.stopped_by)}\n  {found.first_line}")
    else:
        print(f"{patch}: NOT CAUGHT: {found.broken or 'every check passed, and a leaderboard was written'}")
    figures = {"planted": 1, "caught": int(found.is_caught), "checks": list(found.stopped_by)}
    return end(figures, [Demand("caught", 1, at_least=True)])


def _judge_leaks(yard: Yard, only: Sequence[int] | None, seed: int) -> int:
    """Print a line for each leak and what escaped; the status says whether one did, or a twin alarmed."""
    began = time.monotonic()
    leaks = [leak for leak in catalogue() if only is None or leak.number in only]
    drawn = {leak.number: variants(leak, seed, VARIANTS) for leak in leaks}
    asked = {number: [*found, *twins(found)] for number, found in drawn.items() if found}
    judged = {leak.number: Judged(leak, len(asked[leak.number])) for leak in leaks if leak.number in asked}
    todo = [variant for found in asked.values() for variant in found]
    yard.open()
    print(f"the honest market took {time.monotonic() - began:.0f} s; {len(todo)} trials, {yard.slots} at a time")
    print(f"{'leak':52} {'stage':9} {'caught':7} {'by':60} {'s':>4}")
    whole = [found[0] for found in drawn.values() if found]
    for variant, found in yard.try_variants(todo, PREFIX_DECISIONS, whole):
        one = judged[variant.leak.number]
        one.found.append((variant, found))
        if one.is_complete:
            _tell(one)
    _tell_not_yet(leaks)
    if only is None:
        record_of(judged.values()).write_csv(RECORD)
        print(f"kept in {RECORD}; python -m benchmarks.gate_pictures draws it")
    return _end(judged, time.monotonic() - began)


def record_of(judged: Iterable[Judged]) -> pl.DataFrame:
    """What the picture of the zoo is drawn of: rows as COLUMNS, in the order of the catalogue."""
    measured = commit()
    rows = [
        (one.leak.number, one.leak.name, one.leak.stage, one.is_caught, check, measured)
        for one in judged
        for check in sorted(one.stopped_by) or (None,)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _tell(judged: Judged) -> None:
    leak = judged.leak
    seconds = sum(found.seconds.get("all", 0.0) for _, found in judged.found) / len(judged.found)
    name = f"{leak.number:2} {leak.name}"[:52]
    caught, by = "yes" if judged.is_caught else "NO", ", ".join(judged.stopped_by)
    print(f"{name:52} {leak.stage:9} {caught:7} {by:60} {seconds:4.0f}")
    line = next((found.first_line for _, found in judged.found if found.first_line), "")
    print(textwrap.indent(textwrap.shorten(line, WIDTH), "     "))
    for variant, found in judged.escaped:
        why = textwrap.shorten(found.broken or "all passed", 400)
        print(f"     ESCAPED {variant.name}, expected {variant.check}; {why}")
    for variant, found in judged.alarmed:
        print(f"     ALARMED {variant.name}: {textwrap.shorten(found.first_line or found.broken, 400)}")
    sys.stdout.flush()


def _tell_not_yet(leaks: Sequence[Leak]) -> None:
    for leak in leaks:
        for place in leak.places:
            if place.waits_for:
                print(f"not yet: {leak.number} {leak.name} in {place.file}: needs {place.waits_for}")
        if leak.waits_for:
            print(f"not yet: {leak.number} {leak.name}: needs {leak.waits_for}")


def _end(judged: Mapping[int, Judged], seconds: float) -> int:
    escaped = [number for number, one in judged.items() if one.escaped]
    alarmed = [number for number, one in judged.items() if one.alarmed]
    trials = [found for one in judged.values() for _, found in one.found]
    figures = {
        "planted": len(judged),
        "caught": sum(one.is_caught for one in judged.values()),
        "prefix_alone": sum(one.seen_by_prefix for one in judged.values()),
        "escaped": escaped,
        "alarmed": alarmed,
        "trials": len(trials),
        "processor_seconds_a_trial": round(
            sum(found.seconds.get("processor", 0.0) for found in trials) / len(trials), 1
        ),
        "minutes": round(seconds / 60, 1),
    }
    status = end(figures, [Demand("caught", len(judged), at_least=True)])
    return REACHED if status == REACHED and not escaped and not alarmed else MISSED


if __name__ == "__main__":
    sys.exit(main())
