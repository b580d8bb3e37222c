"""Code version: a hash of what a module and the project modules that it imports mean, read without running them."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("assets", "models", "expectations", "pipelines")
DATA_SUFFIXES = (".csv", ".yaml")
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of a statement that hold statements, or parts with statements of their own."""


def code_version(*modules: str) -> str:
    """Hash of the given modules and of all project modules that they reach by import.

    Comments, docstrings and layout do not count; a data file beside a module under its name does (`x.csv` for `x.py`).
    raises  FileNotFoundError for a module that is not in the project
    """
    digest = hashlib.blake2b(digest_size=8)
    for module in sorted(reached(*modules)):
        digest.update(module.encode() + b"\0" + _meaning(module))
    return digest.hexdigest()


def meaning(module: str) -> str:
    """Hash of one module alone: comments, docstrings and layout do not count, nor what it imports.

    raises  FileNotFoundError for a module that is not in the project
    """
    return hashlib.blake2b(_meaning(module), digest_size=8).hexdigest()


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
            waiting.extend(_imports(module))
    return found


def source_path(module: str) -> Path | None:
    """The file of a project module or package; None for a name that is neither."""
    stem = ROOT.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


@functools.cache
def _tree(module: str) -> ast.Module:
    path = source_path(module)
    if path is None:
        raise FileNotFoundError(f"no module '{module}' among the project's packages {PACKAGES}")
    return ast.parse(path.read_text(encoding="utf-8"))


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below a node, outer ones first; expressions, which are most of a tree, are passed over."""
    for field in BLOCKS:
        for inner in getattr(node, field, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from _statements(inner)


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    names: set[str] = set()
    for node in _statements(_tree(module)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(n for n in names if n.split(".")[0] in PACKAGES and source_path(n) is not None))


@functools.cache
def _meaning(module: str) -> bytes:
    tree = _tree(module)
    for node in [tree, *_statements(tree)]:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    path = source_path(module)
    assert path is not None
    beside = [path.with_suffix(suffix) for suffix in DATA_SUFFIXES]
    return ast.dump(tree).encode() + b"".join(p.read_bytes() for p in beside if p.is_file())
