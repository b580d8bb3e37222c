from datetime import date
from typing import Literal

import polars as pl
import pytest

from assets.sources.vendors.vendor import VendorSpec
from expectations.facts import RawIndexBars, RawNews, RawStatements
from expectations.tables import RawBars

DAY = date(2026, 9, 1)


class PaperSpec(VendorSpec):
    """A vendor that has news and statements, and can be asked nothing."""

    kind: Literal["paper"] = "paper"
    news: bool = False
    statements: tuple[str, ...] = ()

    def _beside(self):
        return {RawNews: self.news, RawStatements: self.statements}

    def _client(self):
        return None

    def _rows(self, line, table, first, last):
        return table.create_empty().lazy()


def test_bars_are_offered_always_and_the_rest_where_the_spec_asks_for_it():
    assert PaperSpec(first=DAY).offers() == (RawBars,)
    assert PaperSpec(first=DAY, statements=("profit",), news=True).offers() == (RawBars, RawNews, RawStatements)


@pytest.mark.parametrize("table", [RawStatements, RawIndexBars])
@pytest.mark.parametrize("last", [DAY, date(2020, 1, 1)])
def test_a_table_that_is_not_asked_for_or_not_there_is_refused_also_without_a_session(table, last):
    spec = PaperSpec(first=DAY, news=True)
    wanted = rf"paper offers \['raw/bars', 'raw/news'\], not {table.asset_key}"
    with pytest.raises(ValueError, match=wanted):
        spec.read(table, DAY, last)
    with pytest.raises(ValueError, match=wanted):
        spec.digests(table, [DAY])
    assert spec.read(RawNews, DAY, last).equals(pl.DataFrame(RawNews.create_empty()))
