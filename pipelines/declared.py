"""Declared: every table that the modules of the stages declare, each after those it reads."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import assets.cleaning
import assets.features
import assets.targets
from assets.features.news_encoding import news_encoding
from assets.features.text_encoder import read_encoder
from assets.table import Declaration, declarations

STAGES = (assets.cleaning, assets.features, assets.targets)


def declared(encoder: Path | None) -> dict[str, Declaration]:
    """The tables of all stages by key, in order; `encoder` is the folder of a text encoder, None for none."""
    return in_order({**declarations(*modules_of(STAGES)), **encoded(encoder)})


def encoded(folder: Path | None) -> dict[str, Declaration]:
    """The feature groups that a text encoder makes, by key; none without an encoder."""
    group = news_encoding(read_encoder(folder)) if folder is not None else None
    return {group.key: group} if group is not None else {}


def modules_of(packages: Sequence[ModuleType]) -> list[ModuleType]:
    """Every module of the given packages: a table joins the graph by standing in its folder."""
    return [
        importlib.import_module(f"{package.__name__}.{info.name}")
        for package in packages
        for info in pkgutil.iter_modules(package.__path__)
    ]


def in_order(tables: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """The tables by key, so that each comes after those it reads."""
    ordered: dict[str, Declaration] = {}

    def place(table: Declaration) -> None:
        for upstream in table.inputs.values():
            if upstream.asset_key in tables and upstream.asset_key not in ordered:
                place(tables[upstream.asset_key])
        ordered[table.key] = table

    for key in sorted(tables):
        if key not in ordered:
            place(tables[key])
    return ordered
