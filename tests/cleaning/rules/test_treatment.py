from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from assets.cleaning.rules.treatment import DELISTING_PERIOD, ST
from expectations.facts import RawNews

NAME = "sh600001"
HALT = range(60, 90)


def test_special_treatment_is_marked_where_it_holds(calm, cells):
    assert cells(ST, calm(st={NAME: range(60, 70)})) == {NAME: list(range(60, 70))}


def test_a_name_that_loses_its_mark_in_a_long_halt_and_then_falls_is_in_its_delisting_period(calm, cells):
    fallen = calm(st={NAME: range(20, 90)}, suspended={NAME: HALT}, returns={NAME: {90: -0.09}})
    assert cells(DELISTING_PERIOD, fallen) == {NAME: list(range(90, 120))}


def test_without_the_halt_the_fall_or_the_lost_mark_it_is_not(calm, cells):
    treated, falls = {NAME: range(20, 90)}, {NAME: {90: -0.09}}
    assert cells(DELISTING_PERIOD, calm(st=treated, returns=falls)) == {}
    assert cells(DELISTING_PERIOD, calm(st=treated, suspended={NAME: HALT}, returns={NAME: {90: 0.09}})) == {}
    assert cells(DELISTING_PERIOD, calm(st={NAME: range(20, 160)}, suspended={NAME: HALT}, returns=falls)) == {}
    assert cells(DELISTING_PERIOD, calm(suspended={NAME: HALT}, returns=falls)) == {}


def told(
    day: date, hour: int, title: str = "关于公司股票进入退市整理期交易的公告", kind: str = "announcement"
) -> pl.DataFrame:
    known = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("Asia/Shanghai"))
    row = {"known_on": day, "available_at": known, "news_id": "1", "security_id": NAME, "kind": kind, "title": title}
    return pl.DataFrame([row], schema={name: column.dtype for name, column in RawNews.columns().items()})


def test_an_announcement_holds_from_the_session_whose_bars_were_known_no_earlier(calm, cells):
    bars = calm()
    day = bars["session"].unique().sort()[70]
    assert cells(DELISTING_PERIOD, bars, news=told(day, 9))[NAME][0] == 70
    assert cells(DELISTING_PERIOD, bars, news=told(day, 16))[NAME][0] == 70
    assert cells(DELISTING_PERIOD, bars, news=told(day, 17))[NAME][0] == 71
    assert cells(DELISTING_PERIOD, bars, news=told(day, 18))[NAME] == list(range(71, 101))


def test_other_news_does_not_count(calm, cells):
    day = calm()["session"].unique().sort()[70]
    assert cells(DELISTING_PERIOD, calm(), news=told(day, 9, title="关于利润分配的公告")) == {}
    assert cells(DELISTING_PERIOD, calm(), news=told(day, 9, kind="news")) == {}


def test_an_announcement_of_the_past_begins_nothing_and_one_told_again_begins_it_anew(calm, cells):
    bars = calm()
    days = bars["session"].unique().sort()
    assert cells(DELISTING_PERIOD, bars, news=told(date(2010, 1, 4), 9)) == {}
    again = told(days[72], 9).with_columns(news_id=pl.lit("2"))
    twice = cells(DELISTING_PERIOD, bars, news=pl.concat([told(days[70], 9), again]))[NAME]
    assert (twice[0], twice[-1]) == (70, 101)


def test_an_announcement_counts_although_the_name_has_no_row_on_that_day(calm, cells):
    day = calm()["session"].unique().sort()[70]
    assert cells(DELISTING_PERIOD, calm(absent={NAME: [70]}), news=told(day, 9)) == {NAME: list(range(71, 100))}
