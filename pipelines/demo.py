"""Demo: bring everything up to date in this process, and show the leaderboard.

The same automation condition as the daemon's is evaluated with its cursor kept; what it asks for is materialised, and
again, until it asks for nothing. Every run is in the Dagster UI afterwards.
"""

from __future__ import annotations

import argparse
import sys
import time

import dagster as dg

from assets.evaluation.leaderboard import Leaderboard
from expectations.suites.data_docs import INDEX
from pipelines.catch_up import bring_up_to_date
from pipelines.gate.said import failed_verdicts
from pipelines.home import be_quiet, prepare_home
from pipelines.project import Project, load_project
from pipelines.run_log import quicken
from pipelines.settings import read_settings
from pipelines.side_by_side import folds_at_once

CANNOT_START, STOPPED = 2, 130
LINES_TOLD = 8
WHAT_TO_DO = (
    "Correct what is named (the code of a table stands under its key in assets/), then run this again: what is up to "
    "date stays. What the gate asks and found, page by page: "
)


def main() -> int:
    """Bring the market of the settings up to date.

    returns  1 when a run or a verdict failed, 2 when the settings cannot be, 130 when it was interrupted
    """
    argparse.ArgumentParser(
        prog="python -m pipelines.demo",
        description=__doc__,
        epilog="The market: KINDLING_MARKET, or make demo MARKET=...",
    ).parse_args()
    be_quiet()
    quicken()
    began = time.monotonic()
    try:
        settings = read_settings()
        prepare_home(settings)
        project = load_project(settings)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    print(f"market {settings.market}: {project.graph.first} to {project.graph.last}, runs in {settings.home}")
    with dg.DagsterInstance.get() as instance:
        project.build_catalogue()
        try:
            steps, failures = bring_up_to_date(project, instance, folds_at_once)
        except KeyboardInterrupt:
            print("\nStopped. What was made stays; run this again to go on.", file=sys.stderr)
            return STOPPED
        except Exception as error:
            # Dagster wraps what the source says when it is asked what it holds.
            if not isinstance(error.__cause__, (ValueError, OSError)):
                raise
            print(error.__cause__, file=sys.stderr)
            return CANNOT_START
        is_current = not project.graph.versions(instance).is_stale(Leaderboard.asset_key, None)
    if steps == 0:
        print("0 steps launched: everything is up to date.")
    is_judged = close(project, is_current=is_current)
    print(f"{steps} steps, {failures} failed runs, {time.monotonic() - began:.0f} s")
    return int(failures > 0 or not is_judged)


def close(project: Project, *, is_current: bool) -> bool:
    """Show the leaderboard; or, where it is not current or a verdict failed, what failed and what to do.

    returns  whether every verdict that blocks passed
    """
    failed = failed_verdicts(project.graph)
    for gate, lines in failed.items():
        rest = [f"and {len(lines) - LINES_TOLD} more"] if lines[LINES_TOLD:] else []
        print("\n  ".join([f"{gate} failed:", *lines[:LINES_TOLD], *rest]), file=sys.stderr)
    if failed or not is_current:
        print(f"No leaderboard. {WHAT_TO_DO}{project.settings.data_docs / INDEX}", file=sys.stderr)
    else:
        print(project.closing_words())
    return not failed


if __name__ == "__main__":
    sys.exit(main())
