"""Experiment files: a folder of YAML read as experiments; a broken file is kept with what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.sources.yaml_settings import read_mapping
from pipelines.experiment import Experiment, validated
from pipelines.sweep import merged, siblings

YAML = "YAML"


@dataclass(frozen=True)
class Asked:
    """What the files of a folder ask.

    experiments  those that can be, by name
    refused      the others, by the name that they have or of their file: the file, what is wrong, what is allowed
    places       the file of each that can be, and which point of its sweep
    """

    experiments: Mapping[str, Experiment]
    refused: Mapping[str, str]
    places: Mapping[str, str]

    def without(self, objections: Callable[[Experiment], Iterator[str]]) -> Asked:
        """Those to which nobody objects; the others are refused with the first objection."""
        objected = {name: next(objections(one), None) for name, one in self.experiments.items()}
        refused = {name: f"{self.places[name]}: {said}" for name, said in objected.items() if said}
        kept = {name: one for name, one in self.experiments.items() if name not in refused}
        return Asked(kept, {**self.refused, **refused}, self.places)


def read_experiments(folder: Path) -> Asked:
    """Every experiment of a folder, also those that a sweep stands for."""
    experiments: dict[str, Experiment] = {}
    refused: dict[str, str] = {}
    places: dict[str, str] = {}
    paths = sorted(folder.glob("*.yaml"))
    for path in paths:
        try:
            found = experiments_of(path)
            if taken := sorted(set(found) & ({other.stem for other in paths} - {path.stem} | set(experiments))):
                raise ValueError(f"{path.name}: sweep: {taken} are experiments of other files; name one otherwise")
        except ValueError as error:
            refused[path.stem] = str(error)
        else:
            experiments |= found
            places |= {name: _place(path, name) for name in found}
    return Asked(experiments, refused, places)


def read_experiment(path: Path) -> Experiment:
    """The one experiment of a file; raises ValueError where it cannot be, or is a sweep."""
    found = experiments_of(path)
    if path.stem not in found:
        raise ValueError(f"{path.name}: a sweep of {len(found)} experiments, where one is asked for")
    return found[path.stem]


def experiments_of(path: Path) -> dict[str, Experiment]:
    """The experiments of a file by name: one, or each point of its sweep.

    A `base` names another file of the folder whose settings it starts from (one level).

    raises  ValueError that names the file, what was found, what is allowed and what to do
    """
    settings = with_base(path)
    sweep = settings.pop("sweep", None)
    if sweep is None:
        return {path.stem: validated(path.stem, settings, path.name)}
    try:
        points = siblings(path.stem, settings, sweep)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    return {name: validated(name, point, _place(path, name)) for name, point in points.items()}


def _place(path: Path, name: str) -> str:
    return path.name if name == path.stem else f"{path.name} ({name})"


def with_base(path: Path) -> dict[str, Any]:
    """Settings of a file over those of the base that it names, if it does; raises ValueError as `experiments_of`."""
    own = read_mapping(path, YAML)
    if "base" not in own:
        return own
    name = own.pop("base")
    base_path = path.with_name(f"{name}.yaml")
    if not base_path.is_file():
        known = sorted(other.stem for other in path.parent.glob("*.yaml") if other != path)
        raise ValueError(f"{path.name}: base '{name}' does not exist; known: {known}")
    base = read_mapping(base_path, YAML)
    for word, allowed in (("base", "one level is allowed"), ("sweep", "name a file of one experiment")):
        if word in base:
            raise ValueError(f"{path.name}: base '{name}' has a {word} itself; {allowed}")
    return merged(base, own)
