"""Code version: a hash of what a module and the project modules that it imports mean, read without running them.

To read a module takes longer than to run it. What was read is kept under `.kindling/readings` with a hash of the text,
so that it is read once for each text.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("assets", "models", "expectations", "pipelines")
DATA_SUFFIXES = (".csv", ".yaml")
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of a statement that hold statements, or parts with statements of their own."""
FORM = f"1 {sys.version_info[:2]}"
"""Of what is kept; another one where what is read of a text changes, as it does with the version of Python."""


@dataclass(frozen=True)
class Reading:
    """What is read of a module.

    imports  dotted names in the project that it may import, modules among them
    meaning  hash of its text without comments, docstrings and layout, and of the data beside it
    """

    imports: tuple[str, ...]
    meaning: str


@functools.cache
def code_version(*modules: str) -> str:
    """Hash of the given modules and of all project modules that they reach by import.

    Comments, docstrings and layout do not count; a data file beside a module under its name does (`x.csv` for `x.py`).
    raises  FileNotFoundError for a module that is not in the project
    """
    digest = hashlib.blake2b(digest_size=8)
    for module in sorted(reached(*modules)):
        digest.update(f"{module} {meaning(module)}|".encode())
    return digest.hexdigest()


def meaning(module: str) -> str:
    """Hash of one module alone: comments, docstrings and layout do not count, nor what it imports.

    raises  FileNotFoundError for a module that is not in the project
    """
    return _reading(module).meaning


def reached(*modules: str) -> set[str]:
    """The given modules and all project modules that they reach by import.

    raises  FileNotFoundError for a module that is not in the project
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(name for name in _reading(module).imports if source_path(name) is not None)
    return found


@functools.cache
def source_path(module: str) -> Path | None:
    """The file of a project module or package; None for a name that is neither."""
    stem = ROOT.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


@functools.cache
def _reading(module: str) -> Reading:
    path = source_path(module)
    if path is None:
        raise FileNotFoundError(f"no module '{module}' among the project's packages {PACKAGES}")
    text = path.read_bytes()
    data = b"".join(p.read_bytes() for p in map(path.with_suffix, DATA_SUFFIXES) if p.is_file())
    key = hashlib.blake2b(b"\0".join([FORM.encode(), text, data]), digest_size=16).hexdigest()
    kept = ROOT / ".kindling" / "readings" / f"{module}.json"
    found = _kept(kept, key)
    if found is None:
        tree = ast.parse(text)
        found = Reading(_imports(tree), _meaning(tree, data))
        _keep(kept, key, found)
    return found


def _kept(path: Path, key: str) -> Reading | None:
    """What was kept under a key; None where nothing was, or it cannot be read."""
    try:
        told = json.loads(path.read_bytes())
        return Reading(tuple(told["imports"]), told["meaning"]) if told["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, key: str, found: Reading) -> None:
    """Keep a reading, whole or not at all; where nothing can be written it is made again."""
    aside = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({"key": key, "imports": found.imports, "meaning": found.meaning}))
        aside.replace(path)


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below a node, outer ones first; expressions, which are most of a tree, are passed over."""
    for field in BLOCKS:
        for inner in getattr(node, field, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from _statements(inner)


def _imports(tree: ast.Module) -> tuple[str, ...]:
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(name for name in names if name.split(".")[0] in PACKAGES))


def _meaning(tree: ast.Module, data: bytes) -> str:
    """Hash of a tree, whose docstrings are taken out, and of the data beside it."""
    for node in [tree, *_statements(tree)]:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return hashlib.blake2b(ast.dump(tree).encode() + data, digest_size=8).hexdigest()
