"""Open holdout: record that the sealed dates of a source are opened, which is counted and never taken back.

    python -m pipelines.open_holdout ashare_2012_2018 --reason "the final look at lstm_price"
    python -m pipelines.open_holdout files:FOLDER --reason "..."

From then on they are ordinary data: the next `make demo` of that source reads them, and its walk-forward goes on into
them. The header of every report says how often the holdout was opened, when and why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from assets.sources.holdout import Opening, SealedRange, is_open
from assets.sources.identity import name_of
from assets.sources.mapping import MAPPINGS, Mapping
from assets.sources.market import parse_market
from assets.sources.yaml_settings import read_yaml
from pipelines.openings import holdout_of, open_range, openings_of
from pipelines.settings import read_settings

CANNOT_OPEN = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the holdout of a source and say what that does; 2 where it has none, or no reason is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="SOURCE", help="name of a kept mapping, or a market such as files:FOLDER")
    parser.add_argument("--reason", required=True, help="what is to be judged, and why now; shown in every report")
    asked = parser.parse_args(arguments)
    folder = read_settings().ledgers
    try:
        source, sealed = sealed_of(asked.source)
        was_open = is_open(source, sealed, openings_of(folder))
        openings = open_range(folder, source, sealed, asked.reason)
    except ValidationError:
        print(f"'{asked.reason}' is no reason; say in a sentence what is to be judged, and why now", file=sys.stderr)
        return CANNOT_OPEN
    except ValueError as error:
        print(error, file=sys.stderr)
        return CANNOT_OPEN
    print(words(source, sealed, openings, folder, was_open=was_open))
    return 0


def sealed_of(asked: str) -> tuple[str, SealedRange]:
    """Name and sealed dates of a source; raises ValueError where there is no such source, or nothing is sealed."""
    if ":" in asked:
        source = parse_market(asked)
        name, sealed = name_of(source), holdout_of(source)
    else:
        name, sealed = asked, _kept(asked).sealed
    if sealed is None:
        raise ValueError(f"{name} declares no sealed dates; there is nothing to open. Its mapping may have `sealed`.")
    return name, sealed


def words(source: str, sealed: SealedRange, openings: Sequence[Opening], folder: Path, *, was_open: bool) -> str:
    """What an opening did, for the one who asked for it."""
    before = " It was open before; this was counted all the same." if was_open else ""
    return (
        f"The holdout of {source}, {sealed}, is open: opening {len(openings)} of this source, recorded in {folder}."
        f"{before}\n"
        "It cannot be sealed again. From now on it is ordinary data: the next `make demo` of this source reads it and "
        "walks forward into it, what is trained later may learn from it, and what is chosen after a look at it was "
        "chosen on it.\n"
        "Every report on this source shows the number of openings, their dates and reasons."
    )


def _kept(name: str) -> Mapping:
    path = MAPPINGS / f"{name}.yaml"
    if not path.is_file():
        kept = sorted(place.stem for place in MAPPINGS.glob("*.yaml"))
        raise ValueError(f"no source '{name}'; kept mappings are {kept}, a folder of your own is files:FOLDER")
    return read_yaml(path, Mapping, "mapping")


if __name__ == "__main__":
    sys.exit(main())
