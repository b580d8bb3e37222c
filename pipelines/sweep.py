"""Sweep: a grid in one file, each point of which is an experiment of its own and counts as a trial of its own."""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 100
"""Siblings of one file; each is trained and scored, and each lowers what the best of them is worth."""
WHAT_IT_IS = "a sweep is a mapping of settings to lists of values, as {model.hidden: [32, 64], target.horizon: [1, 5]}"
OWN = ("name", "question", "base", "sweep")
"""Keys of a file of which all siblings have one."""


def siblings(name: str, settings: Mapping[str, Any], sweep: object) -> dict[str, dict[str, Any]]:
    """Settings of every point of a grid by its name: the file's, and what it takes of each list.

    sweep   dotted setting -> values; a value may be a whole section
    raises  ValueError for what is no grid, is too large, or has two points of one name
    """
    grid = _checked(sweep)
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    found: dict[str, dict[str, Any]] = {}
    for point in points:
        words = [f"{path.rsplit('.', maxsplit=1)[-1]} {_words(value)}" for path, value in point.items()]
        sibling = "_".join([name, *(re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_") for word in words)])
        if sibling in found:
            raise ValueError(
                f"sweep: two of its points are called {sibling}; their values must differ in their letters"
            )
        found[sibling] = _at(point, settings, ", ".join(words))
    return found


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Own keys over those of the base; a section that names another kind replaces the base's section."""
    result = dict(base)
    for key, value in own.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and value.get("kind") in (None, below.get("kind")):
            result[key] = {**below, **value}
        else:
            result[key] = value
    return result


def _checked(sweep: object) -> dict[str, Sequence[Any]]:
    if not isinstance(sweep, dict) or not sweep:
        raise ValueError(f"sweep: found {sweep!r}; {WHAT_IT_IS}")
    for path, values in sweep.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"sweep: {path}: found {values!r}; {WHAT_IT_IS}")
        if not isinstance(path, str) or path in OWN:
            raise ValueError(f"sweep: {path!r} cannot be varied; {WHAT_IT_IS}")
    if (points := math.prod(map(len, sweep.values()))) > MOST:
        raise ValueError(f"sweep: {points} points; allowed: {MOST}. Each is a trial of its own; ask for fewer values.")
    return sweep


def _at(point: Mapping[str, Any], settings: Mapping[str, Any], words: str) -> dict[str, Any]:
    """The settings at one point of the grid; the question says which."""
    changed = copy.deepcopy(dict(settings))
    for path, value in point.items():
        *sections, last = path.split(".")
        place = changed
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ValueError(f"sweep: {path}: {section!r} is no section but {place!r}")
        place[last] = merged({last: place.get(last)}, {last: value})[last]
    if "question" in changed:
        changed["question"] = f"{changed['question']} ({words})"
    return changed


def _words(value: object) -> str:
    """A value as words; of a section, its kind and then its settings."""
    if isinstance(value, dict):
        rest = [f"{key} {_words(below)}" for key, below in value.items() if key != "kind"]
        return " ".join([*([str(value["kind"])] if "kind" in value else []), *rest])
    return " ".join(map(_words, value)) if isinstance(value, list) else str(value)
