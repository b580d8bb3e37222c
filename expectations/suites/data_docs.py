"""Data Docs: the kept results of all stages as the site that Great Expectations builds of them, complete offline."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations.suites.offline import offline

INDEX = "index.html"
SITE = "gate"
SHORT = 12
"""Characters of a hash that people read."""


@dataclass(frozen=True)
class Judged:
    """What a stage's verdict keeps for the site.

    results        `Verdict.results`
    evidence_hash  `Verdict.evidence_hash`
    at             when the verdict was given
    """

    results: str
    evidence_hash: str
    at: datetime


def build_data_docs(stages: Mapping[str, Judged], folder: Path) -> Path:
    """Build the site of all stages aside and put it in the place of `folder`; returns its index.

    One page for each evidence table of each stage, one for what is demanded of it, and the index over them. No page
    names an address that a browser would fetch.
    raises  RuntimeError naming the pages that Great Expectations did not write; it only logs what it cannot render
    """
    import expectations.suites.sentences  # noqa: F401  Great Expectations renders an expectation by its class

    context = _context()
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.writing")
    context.add_data_docs_site(SITE, _site(aside))
    try:
        for stage, judged in stages.items():
            for table, found in json.loads(judged.results).items():
                _add(context, stage, table, found, judged)
        context.build_data_docs(site_names=[SITE])
        _refuse_lost_pages(context, aside)
        _make_offline(aside)
        _swap(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder / INDEX


def _context() -> Any:
    """A context in memory that sends nothing."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    return gx.get_context(mode="ephemeral")


def _site(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False},
        "site_section_builders": {"profiling": "None"},
    }


def _add(context: Any, stage: str, table: str, found: Mapping[str, Any], judged: Judged) -> None:
    """Hand one table's kept results and its suite to the context."""
    import great_expectations as gx
    from great_expectations.core import RunIdentifier
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResultSchema
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    name = f"{stage}.{table}"
    run = RunIdentifier(f"evidence {judged.evidence_hash[:SHORT]}", judged.at.astimezone(UTC))
    meta = {
        "great_expectations_version": gx.__version__,
        "run_id": run.to_json_dict(),
        "batch_spec": {"data_asset_name": table},
        "active_batch_definition": {"data_asset_name": table},
    }
    result = ExpectationSuiteValidationResultSchema().load({**found, "suite_name": name, "meta": meta})
    context.suites.add(
        gx.ExpectationSuite(name, expectations=[one.expectation_config.to_domain_obj() for one in result.results])
    )
    key = ValidationResultIdentifier(ExpectationSuiteIdentifier(name), run, table)
    context.validation_results_store.set(key, result)


def _refuse_lost_pages(context: Any, site: Path) -> None:
    """Great Expectations logs a page that it cannot render and goes on."""
    asked = [suite.name for suite in context.suites.all()]
    written = {".".join(page.relative_to(site).parts[1:3]) for page in (site / "validations").rglob("*.html")}
    if lost := sorted(set(asked) - written):
        raise RuntimeError(
            f"Great Expectations wrote no page for {lost} of {sorted(asked)}; its log says why. "
            "Look there for the expectation that it cannot render."
        )


def _make_offline(site: Path) -> None:
    """Pages hold their style themselves, so that fonts and pictures beside them are not needed."""
    for page in site.rglob("*.html"):
        page.write_text(offline(page.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(site / "static", ignore_errors=True)


def _swap(aside: Path, folder: Path) -> None:
    """Put a folder into the place of another; a reader sees the old one or the new one, for a moment neither."""
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.old")
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
