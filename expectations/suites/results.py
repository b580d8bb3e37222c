"""Results: what Great Expectations found in one evidence table, as plain data that can be kept and read again.

Nothing of when, where or in which order it was found is kept: equal evidence gives equal text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

EXAMPLES = 20
"""Failing rows that are kept of each expectation; the evidence table holds them all."""
PLACES = (
    *("experiment", "group", "input", "table", "horizon", "column", "decided_at"),
    *("fold", "seed", "compared_with", "boundary", "module", "line", "rule", "year", "session", "month"),
)
"""Columns by which a failing row is found again."""


def plain(results: Sequence[Any]) -> dict[str, Any]:
    """The results of one table as JSON-able data: statistics, and each result with at most `EXAMPLES` failing rows."""
    found = sorted((_plain(result) for result in results), key=_order)
    passed = sum(bool(result["success"]) for result in found)
    statistics = {
        "evaluated_expectations": len(found),
        "successful_expectations": passed,
        "unsuccessful_expectations": len(found) - passed,
        "success_percent": 100.0 * passed / len(found) if found else None,
    }
    return {"success": passed == len(found), "results": found, "statistics": statistics}


def as_text(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Results by table as JSON."""
    return json.dumps(results, sort_keys=True, default=str)


def _plain(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = result.to_json_dict()
    config = found["expectation_config"]
    config["kwargs"].pop("batch_id", None)
    told = {name: value for name, value in found["result"].items() if name != "unexpected_index_query"}
    told |= {name: value[:EXAMPLES] for name, value in told.items() if isinstance(value, list)}
    return {**found, "result": told, "exception_info": _without_traceback(found.get("exception_info") or {})}


def _without_traceback(info: Mapping[str, Any]) -> dict[str, Any]:
    """A traceback names folders of the machine; the message is what a reader needs."""
    return {
        name: _without_traceback(value) if isinstance(value, dict) else "" if name == "exception_traceback" else value
        for name, value in info.items()
    }


def _order(result: Mapping[str, Any]) -> str:
    return json.dumps(result["expectation_config"], sort_keys=True, default=str)
