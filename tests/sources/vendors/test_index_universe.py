from datetime import date
from typing import Literal

import polars as pl
import pytest

from assets.sources.vendors.index_universe import IndexUniverseSpec

DAY = date(2026, 9, 1)


class PaperSpec(IndexUniverseSpec):
    """A vendor whose index lost one member and won another."""

    kind: Literal["paper"] = "paper"

    def _beside(self):
        return {}

    def _client(self):
        return None

    def _rows(self, line, table, first, last):
        return table.create_empty().lazy()

    def _snapshots(self, line, last):
        return pl.LazyFrame({"day": [1, 1, 2, 2], "security_id": ["sz2", "sh9", "sz2", "sh1"]})


def test_an_index_stands_for_all_that_were_ever_members():
    assert PaperSpec(first=DAY, index="sh000300")._universe(None, DAY) == ["sh1", "sh9", "sz2"]


def test_listed_securities_stay_as_they_are_written():
    assert PaperSpec(first=DAY, securities=("sz000001", "sh600000"))._universe(None, DAY) == ["sz000001", "sh600000"]


@pytest.mark.parametrize("settings", [{}, {"index": "sh000300", "securities": ("sz000001",)}])
def test_neither_or_both_are_refused(settings):
    with pytest.raises(ValueError, match="give either `securities` or `index`, and not both"):
        PaperSpec(first=DAY, **settings)
