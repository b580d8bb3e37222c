"""New experiment: a YAML file to begin with, which says what may stand in it.

`make experiment NAME=lstm_long` writes pipelines/experiments/lstm_long.yaml; BASE= names the experiment that it differs
from, QUESTION= what it asks. Nothing is trained until a question stands in it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from assets.sources.yaml_settings import read_mapping
from pipelines.experiment import NAME
from pipelines.experiment_files import YAML, with_base
from pipelines.experiment_schema import PATH
from pipelines.settings import EXPERIMENTS, read_settings

CANNOT = 2
BASE = "ridge_price"
QUESTION = "question"
GRID = "A grid, sweep: {target.horizon: [1, 5]}, makes an experiment and a trial of each of its points."


def main() -> int:
    """Write the file, and say what to do with it."""
    asked = _asked()
    try:
        path = write(read_settings().experiments, asked.name, asked.base, asked.question)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return CANNOT
    ask = "" if asked.question else "write its question, and "
    print(f"wrote {path}\nOpen it, {ask}change a setting; then make demo, or reload the code location in the UI.")
    return 0


def write(folder: Path, name: str, base: str, question: str) -> Path:
    """Write a file that differs in nothing yet from its base; raises ValueError where that cannot be.

    A base that is in the project's own folder alone is written out, so that the file stands by itself.
    """
    if not re.match(NAME, name):
        raise ValueError(f"NAME is {name!r}; allowed: a small letter, then small letters, digits and _")
    path = folder / f"{name}.yaml"
    if path.exists():
        raise ValueError(f"{path} exists; open it, or choose another name")
    place = next((place for place in (folder, EXPERIMENTS) if (place / f"{base}.yaml").is_file()), None)
    if place is None:
        known = sorted({other.stem for one in (folder, EXPERIMENTS) for other in one.glob("*.yaml")})
        raise ValueError(f"BASE is {base!r}, which does not exist in {folder}; known: {known}")
    lines = beside(place, base) if place == folder else alone(place, base)
    head = [f"# yaml-language-server: $schema={_way_to_schema(folder)}", f"question: {_flow(question)}"]
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")
    return path


def beside(folder: Path, name: str) -> list[str]:
    """Lines of a file that names its base, with what that sets as comments; a base that has one itself is copied."""
    own = _settings(folder, name)
    root = own.pop("base", name)
    below = own if root == name else read_mapping(folder / f"{root}.yaml", YAML)
    changed = {} if root == name else own
    return [
        f"base: {root}",
        *_lines(changed),
        f"# What {root} sets. Take the sign from a line and change it; of a section, only what differs is written.",
        f"# {GRID}",
        *(f"# {line}" for line in _lines(below, changed)),
    ]


def alone(folder: Path, name: str) -> list[str]:
    """Lines of a file that sets everything itself."""
    _settings(folder, name)
    return [*_lines(with_base(folder / f"{name}.yaml")), f"# {GRID}"]


def _settings(folder: Path, name: str) -> dict[str, Any]:
    own = read_mapping(folder / f"{name}.yaml", YAML)
    if "sweep" in own:
        raise ValueError(f"BASE is {name!r}, which is a sweep; name a file of one experiment")
    return own


def _lines(settings: Mapping[str, Any], but: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
    return [f"{key}: {_flow(value)}" for key, value in settings.items() if key not in {*but, QUESTION}]


def _way_to_schema(folder: Path) -> str:
    return Path(os.path.relpath(PATH, folder)).as_posix()


def _flow(value: object) -> str:
    """A value in one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("\n...\n").strip()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.new_experiment", description=__doc__)
    parser.add_argument("name", help="of the file: small letters, digits and _")
    parser.add_argument("--base", default=BASE, help=f"the experiment that it differs from; {BASE} by default")
    parser.add_argument("--question", default="", help="what it asks, one sentence")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
