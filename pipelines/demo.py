"""Demo: bring everything up to date in this process, and show the leaderboard.

The same automation condition as the daemon's is evaluated with its cursor kept; what it asks for is materialised, and
again, until it asks for nothing. Every run is in the Dagster UI afterwards.
"""

from __future__ import annotations

import sys
import time

import dagster as dg

from pipelines.catch_up import bring_up_to_date
from pipelines.home import be_quiet, prepare_home
from pipelines.project import load_project
from pipelines.run_log import quicken
from pipelines.settings import read_settings
from pipelines.side_by_side import folds_at_once

CANNOT_START = 2


def main() -> int:
    """Bring the market of the settings up to date; 0 when no run failed, 2 when the settings cannot be used."""
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
        except Exception as error:
            # Dagster wraps what the source says when it is asked what it holds.
            if not isinstance(error.__cause__, (ValueError, OSError)):
                raise
            print(error.__cause__, file=sys.stderr)
            return CANNOT_START
    if steps == 0:
        print("0 steps launched: everything is up to date.")
    print(project.closing_words())
    print(f"{steps} steps, {failures} failed runs, {time.monotonic() - began:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
