"""Said: a run and a report tell which verdicts and which data they rest on."""

import json

import polars as pl

from pipelines.gate.said import data_version, data_versions, first_of_each, stages, verdict_tags


def verdict(stage: str, content: str, *, passed: bool = True, feature: str = "z") -> pl.DataFrame:
    judged = {
        "gate/evidence_a": {"code": "c", "content": {}},
        "raw/bars": {"code": "c", "content": {"2015-01": content, "2015-02": "y"}},
        "features/a": {"code": "c", "content": {"2015-01": feature}},
    }
    row = {"stage": stage, "passed": passed, "expectations": 3, "evidence_hash": "0123456789abcdef", "failures": ""}
    return pl.DataFrame([{**row, "judged": json.dumps(judged)}])


def test_tags_name_every_verdict_its_evidence_and_the_data_judged() -> None:
    tags = verdict_tags({"gate/data": verdict("data", "x"), "gate/purge": verdict("purge", "x", passed=False)})
    assert (tags["gate.data"], tags["gate.purge"]) == ("passed", "failed")
    assert tags["gate.data.evidence"] == "0123456789abcdef"
    assert {"data.raw/bars", "data.features/a", "data_version"} < set(tags)
    assert "data.gate/evidence_a" not in tags
    assert all(isinstance(value, str) and len(key) <= 250 for key, value in tags.items())


def test_the_data_version_changes_with_the_raw_content_and_with_nothing_else() -> None:
    same, other = {"gate/data": verdict("data", "x")}, {"gate/data": verdict("data", "x2")}
    assert data_version(same) == data_version({"gate/leakage": verdict("leakage", "x", passed=False)})
    assert data_version(same) != data_version(other)
    assert data_versions(same)["features/a"] == data_versions(other)["features/a"]
    refitted = {"gate/data": verdict("data", "x", feature="z2")}
    assert data_version(same) == data_version(refitted)
    assert data_versions(same)["features/a"] != data_versions(refitted)["features/a"]


def test_stages_are_one_row_each_with_a_short_hash() -> None:
    found = stages({"gate/data": verdict("data", "x"), "gate/purge": verdict("purge", "x", passed=False)})
    assert found.rows() == [("data", True, 3, "0123456789ab"), ("purge", False, 3, "0123456789ab")]


def test_of_many_decisions_the_first_line_of_each_column_is_told() -> None:
    lines = [
        "future_perturbation: table features/x, column a, decided_at 2015-03-04: passed is False; first: sz000401",
        "future_perturbation: table features/x, column b, decided_at 2015-03-04: passed is False",
        "future_perturbation: table features/x, column a, decided_at 2015-04-01: passed is False",
        "future_perturbation: 40 more rows fail",
    ]
    assert first_of_each("\n".join(lines)) == [lines[0], lines[1], lines[3]]
