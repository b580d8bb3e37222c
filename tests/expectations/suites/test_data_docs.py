"""Data Docs: every table of every stage is a page, read as sentences, and nothing is fetched."""

import functools
import json
import re
import shutil
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.evidence import COUNTS, KNOWLEDGE_CUTOFF, PURGE
from expectations.suites import Verdict, judge
from expectations.suites.data_docs import Judged, build_data_docs

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def counts(**changed: object) -> pl.DataFrame:
    row = {"month": "2015-01", "rows_raw": 9, "rows_kept": 9, "rows_refused": 0, "rows_unaccounted": 0} | {
        "refused_share": 0.0, "sessions": 20,
    }  # fmt: skip
    return pl.DataFrame([row | changed], schema=COUNTS)


@functools.cache
def verdicts() -> tuple[Verdict, ...]:
    late = {"experiment": "ridge", "group": "news_encoding", "fold": "2015-01-01", "passed": False}
    return (
        judge("data", {"counts": counts(rows_unaccounted=3)}),
        judge("purge", {"purge": PURGE.to_frame().drop("gap_hours")}),
        judge("knowledge", {"knowledge_cutoff": pl.DataFrame([late], schema=KNOWLEDGE_CUTOFF)}),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "data_docs"
    index = build_data_docs(
        {found.stage: Judged(found.results, found.evidence_hash, AT) for found in verdicts()}, folder
    )
    assert index == folder / "index.html"
    return folder


def page(site: Path, stage: str, table: str) -> str:
    (found,) = (site / "validations" / stage / table).rglob("*.html")
    return found.read_text()


def test_every_table_of_every_stage_has_a_page_and_a_line_in_the_index(site: Path) -> None:
    index = (site / "index.html").read_text()
    for stage, table in (("data", "counts"), ("purge", "purge"), ("knowledge", "knowledge_cutoff")):
        (found,) = (site / "validations" / stage / table).rglob("*.html")
        assert str(found.relative_to(site)).replace(" ", "%20") in index
        assert (site / "expectations" / stage / f"{table}.html").exists()


def test_an_expectation_reads_as_a_sentence_and_a_failing_row_is_named(site: Path) -> None:
    assert "No raw row is lost: each is kept, or refused with its reason." in page(site, "data", "counts")
    assert "2015-01" in page(site, "data", "counts")
    told = page(site, "knowledge", "knowledge_cutoff")
    assert "No test window begins before the last day that an encoder of the experiment may know of." in told
    assert "news_encoding" in told


def test_an_expectation_that_could_not_be_computed_says_so_without_a_path_of_the_machine(site: Path) -> None:
    told = page(site, "purge", "purge")
    assert "raised an exception" in told
    assert "does not exist" in told
    assert "Traceback" not in told
    assert "site-packages" not in told


def test_no_page_names_an_address_that_a_browser_would_fetch(site: Path) -> None:
    for path in site.rglob("*.html"):
        told = path.read_text()
        assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(?:https?:)?//", told), path
        assert "default-src 'none'" in told
    assert not list(site.rglob("*.otf"))


def test_equal_evidence_gives_equal_results_without_a_time_or_a_path() -> None:
    again = judge("purge", {"purge": PURGE.to_frame().drop("gap_hours")})
    assert again.results == verdicts()[1].results
    for verdict in verdicts():
        assert "site-packages" not in verdict.results
        assert "load_time" not in verdict.results


def test_building_the_site_asks_no_other_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))
    build_data_docs({"data": Judged(verdicts()[0].results, "ab", AT)}, tmp_path / "data_docs")
    assert asked == []


def test_many_failing_rows_are_kept_as_a_few_examples() -> None:
    many = pl.concat([counts(month=f"{year}-01", sessions=0) for year in range(1900, 2000)])
    kept = json.loads(judge("data", {"counts": many}).results)["counts"]
    assert len(json.dumps(kept)) < 30_000
    (failed,) = [one["result"] for one in kept["results"] if not one["success"]]
    assert failed["unexpected_count"] == 100
    assert len(failed["unexpected_index_list"]) == 20


def test_a_page_that_cannot_be_rendered_is_an_error_that_names_it(tmp_path: Path) -> None:
    found = json.loads(verdicts()[0].results)
    broken = {"raised_exception": True, "exception_message": "x", "exception_traceback": None}
    found["counts"]["results"][0]["exception_info"] = {"metric": broken}
    before = tmp_path / "data_docs"
    before.mkdir()
    (before / "index.html").write_text("as it was")
    with pytest.raises(RuntimeError, match=r"wrote no page for \['data.counts'\]"):
        build_data_docs({"data": Judged(json.dumps(found), "ab", AT)}, before)
    assert (before / "index.html").read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["data_docs"]


def test_a_new_site_takes_the_place_of_the_old_one(site: Path) -> None:
    old = verdicts()[0]
    build_data_docs({"data": Judged(old.results, old.evidence_hash, AT)}, folder := site.parent / "other")
    build_data_docs({"knowledge": Judged(verdicts()[2].results, "cd", AT)}, folder)
    assert [path.name for path in (folder / "validations").iterdir()] == ["knowledge"]


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine: the index was not looked at")
def test_the_index_is_filled_without_a_network(site: Path) -> None:
    line = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", (site / "index.html").as_uri()]
    told = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.count("<td>") + told.count("<td ") >= 3 * 6
    assert "news" not in told
