"""Alpha158: how fast the 158 factors are beside two peers, on one core each, and whether they are the same figures.

One random panel, 500 securities x 1,500 sessions with 1% of the bars missing, goes through Qlib's engine, through
KunQuant's compiled graph in float64, and through ours, three times in turn; each time in a fresh process that is held
to one thread. Counted are processor seconds, user and system, of the computation: reading the data, laying out arrays
and compiling are outside for all three. The compiled two are counted in their second call, when the process has its
memory: the allocator of all three is told to keep what was freed, since handing a gigabyte of results back to the
system and asking for it again costs as much as a fifth of the work, and more by chance. Qlib's engine has no such share
to speak of. Inputs are float32 numbers, since Qlib stores no others.

Asked for: at least 60 times Qlib's and 3 times KunQuant's speed by the medians, at least 150 columns that agree with
Qlib's within 1e-5 in every cell with a full longest window, and none that is further away than 5e-4. The same is told
of all cells, also those of the first 60 sessions. Columns outside are named, with how far they are from the same engine
of Qlib when it computes in float64.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.agreement import Agreement, agreement, untouched
from benchmarks.outcome import Demand, end, not_possible
from benchmarks.qlib_folder import write_qlib_folder
from benchmarks.random_panel import RandomPanel, random_panel

ROOT = Path(__file__).resolve().parents[1]
PEER_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SECURITIES, SESSIONS, MISSING, SEED = 500, 1500, 0.01, 0
ROUNDS = 3
LONGEST = 60
OURS = "ours"
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ),
    "1",
)  # fmt: skip
KEEP_FREED_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
DEMANDS = {
    "qlib": (
        Demand("ratio_qlib", 60, at_least=True),
        Demand("columns_agree", 150, at_least=True),
        Demand("worst_other", 5e-4, at_least=False),
    ),
    "kunquant": (Demand("ratio_kunquant", 3, at_least=True),),
}


@dataclass(frozen=True)
class Workshop:
    """The folder in which inputs and outputs of the engines lie."""

    folder: Path

    def place(self, name: str) -> Path:
        """A folder by name, made where it lacks."""
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name

    def lay_out(self, panel: RandomPanel) -> None:
        """The panel in Qlib's layout, and as arrays [T, S] for the others."""
        fields = panel.adjusted
        write_qlib_folder(self.place("data"), panel.sessions, panel.securities, fields)
        for name, values_ST in {**fields, "amount": fields["vwap"] * fields["volume"]}.items():
            np.save(self.place("arrays") / f"{name}.npy", np.ascontiguousarray(values_ST.T))

    def command(self, engine: str, out: Sequence[str]) -> list[str]:
        """How an engine is run; it writes its columns into a folder `out` where one is given."""
        scripts = ROOT / "benchmarks" / "peers"
        commands: dict[str, list[str | Path]] = {
            "qlib": [PEER_PYTHON, scripts / "qlib_alpha158.py", self.place("data")],
            "kunquant": [PEER_PYTHON, scripts / "kunquant_alpha158.py", self.place("arrays"), self.place("build")],
            OURS: [sys.executable, "-m", "benchmarks.own_alpha158", self.place("arrays")],
        }
        return [str(part) for part in (*commands[engine], *out)]

    def run(self, engine: str, *out: str) -> dict[str, Any]:
        """What one engine says of one run; raises RuntimeError with its last words where it failed."""
        found = subprocess.run(
            self.command(engine, out),
            env={**os.environ, **ONE_THREAD, **KEEP_FREED_MEMORY},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode:
            raise RuntimeError(f"{engine} failed: {found.stderr.strip()[-2000:]}")
        told: dict[str, Any] = json.loads(found.stdout.strip().splitlines()[-1])
        return told

    def columns(self, name: str) -> dict[str, Path]:
        """Column -> file, of what an engine wrote."""
        return {path.stem: path for path in sorted(self.place(name).glob("*.npy"))}


def main() -> int:
    """Run the rounds, compare the columns, and say what was reached."""
    peers = _asked()
    if peers and not PEER_PYTHON.exists():
        return not_possible("the peers have no environment here: make peers first")
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(Path(folder))
        panel = random_panel(SECURITIES, SESSIONS, SEED, MISSING)
        shop.lay_out(panel)
        seconds = _rounds(shop, [*peers, OURS])
        held_ST = ~np.isnan(panel.traded["close"])
        figures: dict[str, object] = {f"seconds_{name}": round(median(told), 3) for name, told in seconds.items()}
        figures |= {f"ratio_{name}": round(median(seconds[name]) / median(seconds[OURS]), 2) for name in peers}
        if "qlib" in peers:
            figures |= _beside_qlib(shop, held_ST)
        if {"qlib", "kunquant"} <= set(peers):
            figures |= _kunquant_beside_qlib(shop, held_ST)
    figures |= {"securities": SECURITIES, "sessions": SESSIONS, "rounds": ROUNDS}
    return end(figures, [demand for name in peers for demand in DEMANDS[name]])


def _asked() -> list[str]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="append", choices=sorted(DEMANDS), help="may be given twice; both by default")
    asked = parser.parse_args().peer
    return sorted(set(asked or DEMANDS))


def _rounds(shop: Workshop, engines: Sequence[str]) -> dict[str, list[float]]:
    """Processor seconds of every engine in every round; the first one also writes the columns."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(ROUNDS):
        for name in engines:
            told = shop.run(name, *([] if number else [str(shop.place(name))]))
            seconds[name].append(told.pop("seconds"))
            print(f"round {number + 1} {name:9} {seconds[name][-1]:8.3f} s of one core   {told}", flush=True)
    return seconds


def _beside_qlib(shop: Workshop, held_ST: NDArray[np.bool_]) -> dict[str, object]:
    """How many of our columns agree with Qlib's, and which do not, beside Qlib in float64."""
    full_ST = held_ST & (np.arange(held_ST.shape[1]) >= LONGEST)
    found, everywhere = (compare(shop.columns(OURS), shop.columns("qlib"), where) for where in (full_ST, held_ST))
    shop.run("qlib", str(shop.place("qlib64")), "float64")
    widened = compare(shop.columns(OURS), shop.columns("qlib64"), held_ST)
    outside = {name: one for name, one in everywhere.items() if not one.within}
    print("\nColumns outside, over all cells; the last figure is the largest difference from Qlib in float64")
    print(f"{'':8} {'full':>8} {'worst':>8} {'share':>8} {'only ours':>10} {'only Qlib':>10} {'float64':>8}")
    for name, one in outside.items():
        print(
            f"{name:8} {'agrees' if found[name].within else 'outside':>8} {one.worst:8.1e} {one.share_apart:8.1e} "
            f"{one.only_ours:10} {one.only_theirs:10} {widened[name].worst:8.1e}"
        )
    return {
        "columns_agree": sum(one.within for one in found.values()),
        "worst_other": max((one.worst for one in found.values() if not one.within), default=0.0),
        "columns_outside": sorted(name for name, one in found.items() if not one.within),
        "columns_agree_all_cells": len(everywhere) - len(outside),
        "worst_all_cells": max(one.worst for one in everywhere.values()),
        "columns_agree_float64_qlib": sum(one.within for one in widened.values()),
        "worst_float64_qlib": max(one.worst for one in widened.values()),
        "cells_only_ours": sum(one.only_ours for one in everywhere.values()),
        "cells_only_qlib": sum(one.only_theirs for one in everywhere.values()),
    }


def _kunquant_beside_qlib(shop: Workshop, held_ST: NDArray[np.bool_]) -> dict[str, object]:
    """Whether KunQuant agrees with Qlib: everywhere, and where no bar has been missing yet and 60 sessions are full."""
    theirs, qlib = shop.columns("kunquant"), shop.columns("qlib")
    full = compare(theirs, qlib, untouched(held_ST, LONGEST))
    outside = sorted(name for name, one in full.items() if not one.within)
    print(f"\nKunQuant beside Qlib before the first missing bar, outside: {outside}")
    return {
        "kunquant_columns_agree": sum(one.within for one in compare(theirs, qlib, held_ST).values()),
        "kunquant_columns_agree_before_a_gap": len(full) - len(outside),
    }


def compare(ours: Mapping[str, Path], theirs: Mapping[str, Path], where_ST: NDArray[np.bool_]) -> dict[str, Agreement]:
    """Agreement of every column of the other engine; raises ValueError where we lack one."""
    if lacking := sorted(set(theirs) - set(ours)):
        raise ValueError(f"there is no column {lacking}; found are {sorted(ours)}")
    return {name: agreement(np.load(ours[name]), np.load(path), where_ST) for name, path in theirs.items()}


if __name__ == "__main__":
    sys.exit(main())
