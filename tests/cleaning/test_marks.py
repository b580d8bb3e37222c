from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.marks import LOOK_BACK, marks
from assets.cleaning.rules import RULES
from assets.cleaning.rules import marks as marking
from expectations.cleaning_tables import Marks
from expectations.facts import RawFloatShares, RawIndexBars, RawNews

NO_FACTS = [table.create_empty(lazy=True) for table in (RawIndexBars, RawFloatShares, RawNews)]


@pytest.fixture(scope="module")
def cleaned(market) -> tuple[pl.DataFrame, pl.DataFrame]:
    days = calendar(market.lazy()).collect()
    return bars(market.lazy(), days.lazy()).collect(), days


def test_each_bar_has_one_row_for_each_rule_that_finds_it(cleaned):
    found = Marks.validate(marks(*(frame.lazy() for frame in cleaned), *NO_FACTS).collect())
    assert found.select("session", "security_id", "rule").is_unique().all()
    assert found.join(cleaned[0], on=["session", "security_id"], how="anti").is_empty()
    assert set(found["rule"]) <= {rule.name for rule in marking(RULES)}
    assert found.filter(rule="suspended").height == 82


def test_one_month_with_the_declared_look_back_equals_the_whole(cleaned):
    kept, days = cleaned
    whole = marks(kept.lazy(), days.lazy(), *NO_FACTS).collect()
    for month in (7, 9, 12):
        inside = pl.col("session").dt.month() == month
        first = days["session"].search_sorted(date(2014, month, 1))
        given = days.slice(max(first - LOOK_BACK, 0)).filter(pl.col("session").dt.month() <= month)
        part = marks(kept.join(given, on="session", how="semi").lazy(), given.lazy(), *NO_FACTS).collect()
        assert_frame_equal(part.filter(inside), whole.filter(inside), check_exact=True)
        assert whole.filter(inside).height > 0 or month == 12


def test_an_empty_month_gives_an_empty_table(cleaned):
    assert marks(cleaned[0].clear().lazy(), cleaned[1].lazy(), *NO_FACTS).collect().is_empty()
