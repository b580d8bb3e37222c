"""Datasets of a fold: the tables that it reads, with a digest that follows the content of what is read and no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.world import project_of
from pipelines.datasets import Dataset, datasets_of
from pipelines.lineage import Stamp
from pipelines.project import Project
from pipelines.settings import EXPERIMENTS

KEY, FOLD = "experiments/ridge_price/forecasts", "2016-01-01"
FEATURE = "features/price_window"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_of(SyntheticMarketSpec(), tmp_path_factory.mktemp("home"), EXPERIMENTS)


def found(project: Project, changed: tuple[str, str] | None = None) -> dict[str, Dataset]:
    """The datasets of a fold, where every partition is stored; the content of one may be changed."""

    def stamps(key: str) -> dict[str | None, Stamp]:
        partitions = project.graph.lineage.nodes[key].partitions
        return {part: Stamp("new" if (key, part) == changed else f"{key} {part}", "made") for part in partitions}

    versions: Any = SimpleNamespace(stamps=stamps)
    return {one.name: one for one in datasets_of(project.graph, versions, KEY, FOLD)}


def test_they_are_the_tables_of_the_panel_and_no_verdict(project: Project) -> None:
    told = found(project)
    assert set(told) == {
        "cleaning/calendar", "cleaning/universe", "features/price_volume", FEATURE, "targets/forward_returns",
    }  # fmt: skip
    assert told[FEATURE].partitions[-1] == "2016-06"
    assert told[FEATURE].partitions[0] < "2012-08"


def test_the_digest_follows_what_is_read(project: Project) -> None:
    before = found(project)
    inside, outside = found(project, (FEATURE, "2016-03")), found(project, (FEATURE, "2016-07"))
    assert inside[FEATURE].digest != before[FEATURE].digest
    assert {name: one.digest for name, one in inside.items() if name != FEATURE} == {
        name: one.digest for name, one in before.items() if name != FEATURE
    }
    assert outside == before
