"""YAML settings: a file of settings read strictly; what is wrong with it is said in words, with the place."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Settings = TypeVar("Settings", bound=BaseModel)


class _Strict(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
            raise yaml.MarkedYAMLError(problem=f"the key {twice} is written twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(
    path: Path, kind: type[Settings], what: str, given: Mapping[str, Hashable] = MappingProxyType({})
) -> Settings:
    """The settings in a file as a checked model.

    what    what the file should be, for the message
    given   settings that hold whatever the file says
    raises  ValueError with the place, what was found and what is allowed
    """
    if not path.exists():
        raise ValueError(f"there is no file {path.resolve()}; write the {what} there (docs/sources.md)")
    settings: Settings = _parsed(path, _content(path, what), kind, what, tuple(given.items()))
    return settings


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """The settings in a file by key, not yet checked against a model.

    what    what the file should be, for the message
    raises  ValueError with the place, what was found and what is allowed
    """
    return _mapping(path, _content(path, what), what)


def _content(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} is no valid {what}: {error}") from None


@functools.lru_cache(maxsize=100)
def _parsed(
    path: Path, content: bytes, kind: type[Settings], what: str, given: tuple[tuple[str, Hashable], ...]
) -> Settings:
    settings = _mapping(path, content, what)
    try:
        return kind.model_validate(settings | dict(given))
    except ValidationError as error:
        raise ValueError(f"{path} is no valid {what}: {_explained(error, kind)}") from None


def _mapping(path: Path, content: bytes, what: str) -> dict[str, Any]:
    try:
        settings = yaml.load(content.decode(), Loader=_Strict)  # noqa: S506
    except UnicodeError as error:
        raise ValueError(f"{path} is no valid {what}: it is not UTF-8 ({error}); save it as UTF-8") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"{path} is no valid {what}: {error}") from None
    if not isinstance(settings, dict):
        found = type(settings).__name__
        raise ValueError(f"{path} is no valid {what}: it must hold lines 'key: value', found {found}")
    return settings


def _explained(error: ValidationError, kind: type[BaseModel]) -> str:
    """One line for each thing that is wrong: where, what is allowed, what was found."""
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        is_missing, is_unknown = (problem["type"] == name for name in ("missing", "extra_forbidden"))
        found = "" if is_missing else f", found {str(problem['input'])[:80]!r}"
        known = f"; known keys are {sorted(kind.model_fields)}" if is_unknown and len(problem["loc"]) == 1 else ""
        lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}{found}{known}".removeprefix(": "))
    return "\n  ".join(["", *lines]) if len(lines) > 1 else lines[0]
