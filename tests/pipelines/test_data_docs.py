"""Data Docs of the gate: what a person finds in the metadata, also when a stage has failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from expectations.evidence import KNOWLEDGE_CUTOFF
from pipelines.gate.data_docs import add_data_docs
from pipelines.gate.evidence import add_evidence
from pipelines.gate.verdicts import add_verdict
from pipelines.graph import Graph
from pipelines.warehouse import Warehouse

PICTURE = b"\x89PNG"
ROW = {
    "experiment": "ridge", "group": "news", "fold": "2015-07-01", "test_start": date(2015, 7, 1),
    "knowledge_cutoff": None, "passed": True,
}  # fmt: skip


@dataclass
class Gated:
    """A gate of one stage over evidence that a test gives, with its runs."""

    folder: Path
    instance: dg.DagsterInstance

    @property
    def pages(self) -> Path:
        return self.folder / "data_docs"

    def run(self, row: dict[str, object], *keys: str) -> dg.ExecuteInProcessResult:
        """Materialise the given assets, or all."""
        schemas: dict[str, type] = {}
        graph = Graph(Warehouse(str(self.folder / "w"), schemas), date(2015, 1, 1), date(2015, 1, 31), schemas)
        made = pl.DataFrame([row], schema=KNOWLEDGE_CUTOFF)
        draw = lambda found: {"seen": PICTURE}  # noqa: E731
        add_evidence(
            graph, "knowledge_cutoff", KNOWLEDGE_CUTOFF, lambda: made, {}, ["expectations.knowledge"], draw=draw
        )
        add_data_docs(graph, [add_verdict(graph, "knowledge", ["knowledge_cutoff"], self.pages)], self.pages)
        definitions = dg.Definitions(
            assets=graph.assets,
            jobs=[dg.define_asset_job("all", "*")],
            resources={"io_manager": graph.warehouse},
            executor=dg.in_process_executor,
        )
        return definitions.resolve_job_def("all").execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys] or None,
            raise_on_error=False,
        )

    def metadata(self, key: str) -> dict[str, dg.MetadataValue]:
        """Metadata of the latest materialisation of an asset."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
        assert event is not None
        assert event.asset_materialization is not None
        return dict(event.asset_materialization.metadata)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Gated(tmp_path_factory.mktemp("gated"), instance)


def test_check_asset_and_evidence_show_pages_and_pictures(gated: Gated) -> None:
    result = gated.run(ROW)
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    index = gated.pages / "index.html"
    assert check.metadata["data_docs"].value == index.as_uri()
    assert check.metadata["data_docs_path"].value == str(index)
    found = gated.metadata("gate/data_docs")
    assert found["data_docs"].value == index.as_uri()
    assert (found["failed"].value, found["expectations"].value) == ("none", check.metadata["expectations"].value)
    assert "knowledge.knowledge_cutoff" in index.read_text()
    assert (
        str(gated.metadata("gate/evidence_knowledge_cutoff")["seen"].value) == "![seen](data:image/png;base64,iVBORw==)"
    )


def test_a_stage_that_failed_stops_its_run_and_is_shown_by_the_next(gated: Gated) -> None:
    stopped = gated.run(ROW | {"passed": False})
    assert not stopped.success
    assert "gate/data_docs" not in {
        event.asset_key.to_user_string() for event in stopped.get_asset_materialization_events() if event.asset_key
    }
    assert gated.run(ROW | {"passed": False}, "gate/data_docs").success
    assert gated.metadata("gate/data_docs")["failed"].value == "knowledge.knowledge_cutoff"
    (page,) = (gated.pages / "validations" / "knowledge" / "knowledge_cutoff").rglob("*.html")
    assert "Failed" in page.read_text()


def test_the_same_verdict_gives_the_same_content_whenever_it_is_shown(gated: Gated) -> None:
    gated.run(ROW)
    first = gated.metadata("gate/data_docs")["content"].value
    gated.run(ROW)
    assert gated.metadata("gate/data_docs")["content"].value == first
