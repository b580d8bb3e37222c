"""Statistics: do the project's figures of luck and skill give what others published or computed, to the last digit?

Every anchor is a row: what it is, the digits expected, the figure found, the source. Beside them stands how often the
project's 95% interval of a daily series holds its true mean where neighbours overlap by five sessions, as labels do;
that of a lag of the overlap alone, which is too little, and that of the stationary bootstrap stand beside it.
"""

from __future__ import annotations

from benchmarks.anchor import Anchor
from benchmarks.anchors_of_metrics import anchors as of_metrics
from benchmarks.anchors_of_overfitting import anchors as of_overfitting
from benchmarks.coverage import coverage, coverage_of_bootstrap, coverage_of_overlap
from benchmarks.outcome import Demand, end, options

DEMANDS = (
    Demand("wrong", 0, at_least=False),
    Demand("anchors", 87, at_least=True),
    Demand("coverage_h5", 0.92, at_least=True),
)


def main() -> int:
    """Print every anchor, and what was covered."""
    options("Do the statistics give the published figures, and do intervals cover?")
    known = [*of_overfitting(), *of_metrics()]
    figures = {
        "anchors": len(known),
        "wrong": len(wrong(known)),
        "coverage_h5": coverage(5),
        "coverage_h1": coverage(1),
        "coverage_h20": coverage(20),
        "coverage_of_overlap_h5": coverage_of_overlap(5),
        "coverage_of_bootstrap_h5": coverage_of_bootstrap(5),
    }
    return end(figures, DEMANDS)


def wrong(known: list[Anchor]) -> list[str]:
    """Print a line of each anchor; the names of those that do not hold."""
    missed = []
    for anchor in known:
        value = anchor.found()
        held = anchor.holds(value)
        missed += [] if held else [anchor.name]
        said = "holds" if held else "WRONG"
        print(f"{anchor.name:52} {anchor.expected:>14} {value:17.10f} {said:6} {anchor.source}")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
