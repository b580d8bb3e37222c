from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import assets.cleaning
from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.marks import marks
from assets.cleaning.rules import RULES
from assets.cleaning.rules import marks as marking
from assets.table import declarations
from benchmarks.damage import damaged
from expectations.cleaning_tables import Marks
from expectations.fact_tables import FloatShares, IndexBars, News
from expectations.facts import RAW_FACTS
from expectations.tables import Bars, Calendar
from pipelines.project import in_order, modules_of

INPUTS = (Bars, Calendar, IndexBars, FloatShares, News)
BACK = [marks.table.look_back[name] for name in marks.table.inputs]
NO_FACTS = [table.create_empty(lazy=True) for table in (IndexBars, FloatShares, News)]


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


@pytest.fixture(scope="module")
def facts(market) -> list[pl.DataFrame]:
    """The clean facts beside the damaged market."""
    planted = {table.asset_key: table.create_empty() for table in RAW_FACTS} | damaged(market, seed=1)
    made = dict(planted)
    for key, one in in_order(declarations(*modules_of([assets.cleaning]))).items():
        made[key] = one.function(**{name: made[s.asset_key].lazy() for name, s in one.inputs.items()}).collect()
    return [made[table.asset_key] for table in (Bars, Calendar, IndexBars, FloatShares, News, Marks)]


def test_one_month_with_the_declared_look_back_equals_the_whole(facts):
    *given, whole = facts
    days = given[1]
    for month in (7, 9, 11):
        inside = pl.col("session").dt.month() == month
        first = days["session"].search_sorted(date(2014, month, 1))
        parts = []
        for frame, schema, back in zip(given, INPUTS, BACK, strict=True):
            since = days["session"][max(first - back, 0)]
            day = pl.col(schema.dated_by)
            known = (day >= since) if first > back else pl.lit(True)
            parts.append(frame.filter(known, day < date(2014, month + 1, 1)).lazy())
        part = marks(*parts).collect()
        assert_frame_equal(part.filter(inside), whole.filter(inside), check_exact=True)
        assert whole.filter(inside).height > 0


def test_a_later_fact_leaves_what_was_marked_as_it_is(facts):
    *given, whole = facts
    at = pl.col("available_at") <= given[0]["available_at"].sort()[given[0].height // 2]
    known = [frame.filter(at) if "available_at" in frame.columns else frame for frame in given]
    last = known[0]["session"].max()
    seen = pl.col("session") <= last
    part = marks(*(frame.lazy() for frame in known)).collect()
    assert_frame_equal(part.filter(seen), whole.filter(seen), check_exact=True)
    assert {"abnormal_turnover", "abnormal_fluctuation", "delisting_period"} <= set(whole["rule"])


def test_an_empty_month_gives_an_empty_table(cleaned):
    assert marks(cleaned[0].clear().lazy(), cleaned[1].lazy(), *NO_FACTS).collect().is_empty()
