"""Inputs: what an asset reads whole, and under which name its rows are handed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines.reach import Every, Reach

Read = tuple[str, Reach, bool]
"""Key of an asset, which of its partitions are read, and whether its content counts or only the order."""


def argument(key: str) -> str:
    """The name under which the rows of an asset are handed over."""
    return key.replace("/", "_")


def whole(keys: Mapping[str, str], *, counts: bool = True) -> dict[str, Read]:
    """Every partition of some assets, by the names given.

    counts  False where only the order matters: what reads them does not become stale by their content
    """
    return {name: (key, Every(), counts) for name, key in keys.items()}


def whole_by_key(keys: Iterable[str], *, counts: bool = True) -> dict[str, Read]:
    """The same, each asset under the name that its key gives."""
    return whole({argument(key): key for key in keys}, counts=counts)
