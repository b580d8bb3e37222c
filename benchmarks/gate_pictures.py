"""Gate pictures: those of docs/gate.md, drawn of what the gate of a market has in store.

    make demo && python -m benchmarks.gate_pictures

The market is that of the environment, as for `make demo`; which check stops which leak is what the whole leak zoo last
found. The page of the Data Docs is photographed where a chromium is installed and left as it is where none is.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from assets.evaluation.gate_pictures import evidence_by_asset, fold_timeline
from assets.evaluation.report import windows_of
from benchmarks.leak_zoo.caught import picture, read_record
from expectations.suites.data_docs import INDEX
from expectations.tables import Calendar
from pipelines.project import Project, load_project
from pipelines.settings import ROOT, read_settings

EVIDENCE = "gate/evidence_future_perturbation"
PHOTOGRAPHED = ("leakage", "future_perturbation")
SIZE = (1100, 1180)
PATIENCE_SECONDS = 60


def drawn(project: Project) -> Iterator[tuple[str, bytes]]:
    """File name and content of each picture; raises FileNotFoundError where the gate was not asked yet."""
    graph = project.graph
    stored = {"evidence": EVIDENCE, "calendar": Calendar.asset_key}
    if missing := [key for key in stored.values() if not graph.warehouse.stored(key)]:
        raise FileNotFoundError(f"{project.settings.warehouse} has no {missing}; run `make demo` for this market first")
    yield "gate_evidence.png", evidence_by_asset(graph.warehouse.read(EVIDENCE).collect())
    sessions = graph.warehouse.read(Calendar.asset_key).collect()["session"].unique().sort()
    experiment = next(iter(project.walks.values())).experiment
    windows = graph.windows(experiment.walk_forward)
    yield "gate_folds.png", fold_timeline(windows_of(windows, sessions, experiment.target.horizon))
    yield "gate_leaks.png", picture(read_record())


def photograph(page: Path, to: Path) -> bool:
    """A picture of a page as a browser without a network shows it; false where there is no browser."""
    browser = shutil.which("chromium")
    if browser is None:
        return False
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    size = f"--window-size={SIZE[0]},{SIZE[1]}"
    line = [browser, *quiet, size, f"--screenshot={to}", page.absolute().as_uri()]
    subprocess.run(line, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return True


def page_of(data_docs: Path) -> Path:
    """The page of the Data Docs that is photographed: its index where that table was not judged."""
    found = sorted(data_docs.joinpath("validations", *PHOTOGRAPHED).rglob("*.html"))
    return found[-1] if found else data_docs / INDEX


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures and tell where; 1 where the market has no verdict yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "pictures", help="where the pictures go")
    folder: Path = parser.parse_args(arguments).folder
    project = load_project(read_settings())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, content in drawn(project):
            (folder / name).write_bytes(content)
            print(folder / name)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    photo = folder / "gate_data_docs.png"
    print(
        photo if photograph(page_of(project.settings.data_docs), photo) else f"no chromium here: {photo} is as it was"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
