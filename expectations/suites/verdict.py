"""Verdict: what Great Expectations finds in the evidence of a stage, in words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from expectations.suites.alarms import ALARMS
from expectations.suites.data import DATA
from expectations.suites.fit import FIT
from expectations.suites.knowledge import KNOWLEDGE
from expectations.suites.leakage import LEAKAGE, PURGE
from expectations.suites.portfolio import PORTFOLIO
from expectations.suites.results import PLACES, as_text, plain
from expectations.suites.selection import SELECTION
from expectations.suites.served import SERVED
from expectations.suites.suite import Evidence, Suite

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

SUITES: Mapping[str, Suite] = {
    "data": DATA,
    "leakage": LEAKAGE,
    "purge": PURGE,
    "knowledge": KNOWLEDGE,
    "fit": FIT,
    "served": SERVED,
    "portfolio": PORTFOLIO,
    "selection": SELECTION,
    "alarms": ALARMS,
}
ROW = "row_number"
ROWS_NAMED = 20


class Verdict(BaseModel):
    """Whether a stage passed, why not, a hash of the evidence that says so, and what Great Expectations found.

    results  JSON: evidence table -> its validation, see `expectations.suites.results`
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    passed: bool
    failures: tuple[str, ...]
    evidence_hash: str
    expectations: int
    results: str


def judge(stage: str, evidence: Evidence) -> Verdict:
    """Judge the evidence tables of a stage, one of SUITES. Only the frames given are looked at.

    A table that is missing or empty, or on which an expectation cannot be computed, is a failure.
    raises  ValueError for an unknown stage or an evidence table that its suite does not know
    """
    if stage not in SUITES:
        raise ValueError(f"there is no suite for the stage '{stage}'; there are {sorted(SUITES)}")
    suite = SUITES[stage]
    if unknown := set(evidence) - suite.required - suite.optional:
        allowed = sorted(suite.required | suite.optional)
        raise ValueError(f"the suite '{stage}' knows no evidence {sorted(unknown)}; it takes {allowed}")
    failures = [f"{name}: no such evidence was given" for name in sorted(suite.required - set(evidence))]
    tables = {**evidence, **suite.derived(evidence)}
    source = _source()
    demands = {name: found for name, found in suite.demands().items() if name in tables}
    results = {name: _validated(source, name, tables[name], found) for name, found in demands.items()}
    for name, found in results.items():
        failures += _failures(name, tables[name], found)
    return Verdict(
        stage=stage,
        passed=not failures,
        failures=tuple(failures),
        evidence_hash=evidence_hash(evidence),
        expectations=sum(map(len, demands.values())),
        results=as_text({name: plain(found) for name, found in results.items()}),
    )


def evidence_hash(evidence: Evidence) -> str:
    """SHA-256 over names, columns and rows of the tables; the order of tables and rows does not matter."""
    digest = hashlib.sha256()
    for name in sorted(evidence):
        table = evidence[name]
        in_order = table.sort(table.columns) if table.width else table
        digest.update(f"{name} {in_order.schema}\n".encode())
        digest.update(in_order.write_csv().encode())
    return digest.hexdigest()


def _source() -> Any:
    """Where Great Expectations takes frames from: a context in memory that shows no progress and sends nothing."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas("evidence")


def _failures(name: str, table: pl.DataFrame, results: Sequence[Any]) -> list[str]:
    """Failures of one evidence table: those of the whole, then one for each row, the first ones in words."""
    whole: list[str] = []
    by_row: dict[int, list[str]] = {}
    for result in results:
        kind, column = result.expectation_config.type, result.expectation_config.kwargs.get("column")
        if error := _error(result):
            whole.append(
                f"{name}: {kind} on column '{column}' could not be computed ({error}); columns: {table.columns}"
            )
        elif not result.success and column is None:
            whole.append(
                f"{name}: the table has {result.result['observed_value']} rows; without evidence nothing is shown"
            )
        elif not result.success:
            for row in result.result["unexpected_index_list"]:
                by_row.setdefault(int(row[ROW]), []).append(column)
    named = [_words(name, table.row(row, named=True), by_row[row]) for row in sorted(by_row)[:ROWS_NAMED]]
    rest = len(by_row) - len(named)
    return whole + named + ([f"{name}: {rest} more rows fail"] if rest else [])


def _validated(source: Any, name: str, table: pl.DataFrame, demands: Sequence[Expectation]) -> list[Any]:
    """The result of each demand on a table, of which the columns asked for, the row numbers and places go over."""
    import great_expectations as gx

    needed = {column for demand in demands if (column := getattr(demand, "column", None))}
    present = [column for column in table.columns if column in needed]
    places = [column for column in PLACES if column in table.columns and column not in needed]
    numbered = table.with_row_index(ROW).select(ROW, *(pl.col(place).cast(pl.String) for place in places), *present)
    asset = source.add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": numbered.to_pandas()})
    suite = gx.ExpectationSuite(name=name, expectations=list(demands))
    result_format = {"result_format": "COMPLETE", "unexpected_index_column_names": [ROW, *places]}
    return list(batch.validate(suite, result_format=result_format).results)


def _error(result: Any) -> str | None:
    """What went wrong while a metric was computed; Great Expectations reports it as an ordinary failure."""
    info = result.exception_info or {}
    causes = [info, *(value for value in info.values() if isinstance(value, dict))]
    for cause in causes:
        if cause.get("raised_exception"):
            return str(cause.get("exception_message"))
    return "no result" if not result.success and not result.result else None


def _words(name: str, row: dict[str, Any], columns: list[str]) -> str:
    """One failing row: where it is, which values fail, and its first example."""
    where = ", ".join(f"{place} {row[place]}" for place in PLACES if place in row and row[place] is not None)
    found = ", ".join(f"{column} is {row[column]}" for column in dict.fromkeys(columns))
    example = f"; first: {row['first_example']}" if row.get("first_example") else ""
    return f"{name}: {where}: {found}{example}"
