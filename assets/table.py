"""Table: a pure frame function declared as an asset, with its inputs, its schema and how far it looks.

`@table` leaves the function callable as it is and only attaches a `Declaration`; `pipelines` turns declarations into
Dagster assets, and the gate composes the same functions in memory.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import ModuleType

import polars as pl

from expectations.tables import Table
from expectations.truth import READERS, is_truth

FrameFunction = Callable[..., pl.LazyFrame]


@dataclass(frozen=True)
class Declaration:
    """What the asset graph knows of a table: key, schema, inputs and reach, all taken from the function itself.

    settings  what else decides the result, as text; part of the code version
    """

    function: FrameFunction
    schema: type[Table]
    inputs: Mapping[str, type[Table]]
    look_back: Mapping[str, int] = field(default_factory=dict)
    sees_later: frozenset[str] = frozenset()
    knowledge_cutoff: date | None = None
    settings: str = ""

    @property
    def key(self) -> str:
        """Path in the asset graph, with slashes."""
        return self.schema.asset_key

    @property
    def stage(self) -> str:
        """First word of the key: cleaning, features, targets."""
        return self.key.split("/", maxsplit=1)[0]


def table(
    *,
    look_back: Mapping[str, int] | None = None,
    sees_later: tuple[str, ...] = (),
    knowledge_cutoff: date | None = None,
) -> Callable[[FrameFunction], FrameFunction]:
    """Declare a frame function as a table partitioned by month.

    look_back   input name -> sessions before the first requested one that the function needs of it; the result must not
                change when more are given
    sees_later  inputs of which the function also reads every later session (targets only)
    knowledge_cutoff  last day of which the function may know anything beside its inputs, where it holds something that
                was learnt outside (a frozen encoder); the gate lets no test window begin on it or before
    raises      TypeError when an argument or the result lacks a schema, ValueError for a name that is no argument and
                for an input from the truth of an embedded market
    """

    def declare(function: FrameFunction) -> FrameFunction:
        inputs, schema = _schemas(function)
        for name in (*(look_back or {}), *sees_later):
            if name not in inputs:
                raise ValueError(f"{function.__qualname__}: '{name}' is no input; its inputs are {sorted(inputs)}")
        _refuse_truth(function, inputs)
        function.table = Declaration(  # type: ignore[attr-defined]
            function, schema, inputs, dict(look_back or {}), frozenset(sees_later), knowledge_cutoff
        )
        return function

    return declare


def declarations(*modules: ModuleType) -> dict[str, Declaration]:
    """Every declared table of the given modules, by key."""
    found: dict[str, Declaration] = {}
    for module in modules:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and hasattr(function, "table"):
                found[function.table.key] = function.table
    return found


def _refuse_truth(function: FrameFunction, inputs: Mapping[str, type[Table]]) -> None:
    for name, schema in inputs.items():
        if is_truth(schema.asset_key):
            raise ValueError(
                f"{function.__module__}.{function.__qualname__}: '{name}' reads {schema.asset_key}, the truth of an "
                f"embedded market, which no cleaning, feature or target may know. Only assets of "
                f"{' and '.join(READERS)} may read it; leave it out, or compare with it there."
            )


def _schemas(function: FrameFunction) -> tuple[dict[str, type[Table]], type[Table]]:
    hints = typing.get_type_hints(function)
    schemas: dict[str, type[Table]] = {}
    for name in (*inspect.signature(function).parameters, "return"):
        arguments = typing.get_args(hints.get(name))
        if len(arguments) != 1 or not issubclass(arguments[0], Table):
            raise TypeError(
                f"{function.__module__}.{function.__qualname__}: '{name}' is {hints.get(name)}; "
                "annotate it dy.LazyFrame[Schema] with a Schema that derives from expectations.tables.Table"
            )
        schemas[name] = arguments[0]
    return schemas, schemas.pop("return")
