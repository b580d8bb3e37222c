"""Leak: a named mistake as data; where it can enter, its five variants, and the honest form of each place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

LEAKS = Path(__file__).parent / "leaks"
VARIANTS = 5
TRIES = 1000

Model = Literal["ridge", "lstm", "both"]
Setting = str | int | float


class Spec(BaseModel):
    """Immutable data that refuses a key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Edit(Spec):
    """One exact text of a file and what stands there instead; `$name` is a parameter of the variant.

    find     occurs exactly once in the file
    replace  the leak
    twin     the harmless change of the same text; null where both share it (an import)
    """

    find: str
    replace: str
    twin: str | None = None


class Place(Spec):
    """A file in which the leak can enter.

    needs       feature groups that the experiment reads beside prices and volumes
    model       what the experiment trains: ridge, a network of one epoch, or both as two experiments
    parameters  name -> choices, from which each variant draws
    check       `stage: evidence` that should stop it, where it is another than the leak's
    waits_for   what is not there yet, so that this place cannot be judged; null where all is there
    """

    file: str
    edits: tuple[Edit, ...] = Field(min_length=1)
    needs: tuple[str, ...] = ()
    model: Model = "ridge"
    parameters: dict[str, tuple[Setting, ...]] = {}
    check: str | None = None
    waits_for: str | None = None


class Leak(Spec):
    """A leak of the catalogue: its number and name, the stage of the pipeline, and the check that should stop it."""

    number: int
    name: str
    stage: str
    check: str
    places: tuple[Place, ...] = ()
    waits_for: str | None = Field(default=None, description="what is not there yet, so that it cannot be planted")


@dataclass(frozen=True)
class Variant:
    """A leak in one place with its parameters, or the twin of it."""

    leak: Leak
    place: Place
    settings: tuple[tuple[str, Setting], ...]
    is_twin: bool = False

    @property
    def name(self) -> str:
        """Number, place and parameters, in words."""
        letter = "abcdefgh"[self.leak.places.index(self.place)]
        told = " ".join(f"{key}={value}" for key, value in self.settings)
        twin = " (twin)" if self.is_twin else ""
        return f"{self.leak.number:02d}{letter} {Path(self.place.file).stem} {told}".rstrip() + twin

    @property
    def check(self) -> str:
        """`stage: evidence` that should stop it."""
        return self.place.check or self.leak.check

    @property
    def edits(self) -> list[tuple[str, str]]:
        """Texts to find, and what stands there instead."""
        return [(self._filled(edit.find), self._filled(self._instead(edit))) for edit in self.place.edits]

    def twin(self) -> Variant:
        """The harmless change of the same place."""
        return Variant(self.leak, self.place, self.settings, is_twin=True)

    def _instead(self, edit: Edit) -> str:
        return edit.twin if self.is_twin and edit.twin is not None else edit.replace

    def _filled(self, text: str) -> str:
        return Template(text).substitute({key: str(value) for key, value in self.settings})


def catalogue(folder: Path = LEAKS) -> tuple[Leak, ...]:
    """Every leak of the files of a folder, by number; raises ValueError for a number that appears twice."""
    found = [
        Leak.model_validate(entry)
        for path in sorted(folder.glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    numbers = [leak.number for leak in found]
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"{folder}: leaks are numbered {sorted(numbers)}; give each its own number")
    return tuple(sorted(found, key=lambda leak: leak.number))


def variants(leak: Leak, seed: int, count: int = VARIANTS) -> tuple[Variant, ...]:
    """Different variants of a leak, drawn with a seed; every place that waits for nothing has its turn.

    raises  ValueError where places and parameters give fewer
    """
    rng = random.Random(f"{seed} {leak.number}")
    ready = [place for place in leak.places if place.waits_for is None]
    places = rng.sample(ready, len(ready))
    drawn: dict[tuple[object, ...], Variant] = {}
    for turn in range(TRIES if ready else 0):
        if len(drawn) == count:
            break
        place = places[turn % len(places)]
        settings = tuple((name, rng.choice(choices)) for name, choices in place.parameters.items())
        drawn.setdefault((leak.places.index(place), settings), Variant(leak, place, settings))
    if ready and len(drawn) < count:
        raise ValueError(f"leak {leak.number} has {len(drawn)} different variants, {count} are asked for; add choices")
    return tuple(drawn.values())


def twins(drawn: Sequence[Variant]) -> tuple[Variant, ...]:
    """The harmless change of each place that some variants have, once."""
    by_place = {variant.leak.places.index(variant.place): variant for variant in reversed(drawn)}
    return tuple(variant.twin() for _, variant in sorted(by_place.items()))
