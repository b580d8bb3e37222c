from datetime import date, datetime

import polars as pl
import pytest

from assets.sources.fact_mapping import TABLES, FactFiles, Known
from expectations.facts import RAW_FACTS

NEWS = {
    "table": "news", "files": "*.csv", "format": "csv", "columns": {"news_id": "id", "title": "t"},
    "values": {"kind": "news"}, "known": {"instant": "time"},
}  # fmt: skip
SHARES = {
    "table": "float_shares", "files": "*.csv", "format": "csv", "known": {"day": "day"},
    "columns": {"security_id": "code", "float_shares": "n"},
}  # fmt: skip


def test_every_table_of_facts_can_be_named():
    assert set(TABLES.values()) == set(RAW_FACTS)
    for name in TABLES:
        with pytest.raises(ValueError, match=f"{name}: unknown names \\['nothing'\\]"):
            FactFiles.model_validate(NEWS | {"table": name, "columns": {"nothing": "x"}, "values": {}})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"columns": {"news_id": "id"}}, r"missing names \['title'\]"),
        ({"columns": {"news_id": "id", "title": "t", "available_at": "x"}}, r"unknown names \['available_at'\]"),
        ({"columns": {"news_id": "id", "title": "t", "kind": "k"}}, "one named twice"),
        ({"known": {}}, "`known` gives nothing; give exactly one of"),
        ({"known": {"day": "d", "instant": "i"}}, r"gives \['instant', 'day'\]"),
        ({"known": {"day": "d", "ended": "e"}}, "gives `ended` without `began`"),
        ({"known": {"deadline": True}}, "only statements have a legal deadline"),
        ({"known": {"day": "d", "at": 960}}, 'put it in quotes: "16:00"'),
        ({"units": {"title": 10}}, r"`units` names \['title'\]; it may name \[\]"),
        ({"colums": {}}, "colums"),
        ({"code_format": "SH600000"}, "code_format"),
        ({"known": {"day": "d", "days_later": -1}}, "days_later"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_what_is_allowed(changes, said):
    with pytest.raises(ValueError, match=said):
        FactFiles.model_validate(NEWS | changes)


@pytest.mark.parametrize(
    ("written", "codes", "ours"),
    [
        ("sh600000", ["sh600000", "600000", "sh60000", " sz000001 "], ["sh600000", None, None, "sz000001"]),
        ("sh.600000", ["sh.600000", "SZ.000001", "sh600000"], ["sh600000", "sz000001", None]),
        ("600000.SH", ["600000.SH", "000001.sz", "600000"], ["sh600000", "sz000001", None]),
        (
            "600000",
            ["600000", "1", "300750", "430047", "920001", "900901", "200002", "7600000", "x"],
            ["sh600000", "sz000001", "sz300750", "bj430047", "bj920001", "sh900901", "sz200002", None, None],
        ),
    ],
)
def test_codes_become_ours_or_nothing(written, codes, ours):
    files = FactFiles.model_validate(SHARES | {"code_format": written})
    assert pl.DataFrame({"code": codes}).select(files.security_id("code")).to_series().to_list() == ours


@pytest.mark.parametrize(
    ("values", "written", "found"),
    [
        (["201401", "201404", "201405", "2014"], "YYYYQQ", [date(2014, 3, 31), date(2014, 12, 31), None, None]),
        ([20140331, 20140332], None, [date(2014, 3, 31), None]),
        (["2014-03-31", "2014-03-31 15:00", "31.3.2014"], None, [date(2014, 3, 31), date(2014, 3, 31), None]),
        (["31.03.2014"], "%d.%m.%Y", [date(2014, 3, 31)]),
        ([date(2014, 3, 31)], None, [date(2014, 3, 31)]),
        ([datetime(2014, 3, 31, 15)], None, [date(2014, 3, 31)]),
    ],
)
def test_days_are_read_as_they_are_written(values, written, found):
    frame = pl.DataFrame({"d": values})
    files = FactFiles.model_validate(SHARES)
    assert frame.select(files.day("d", frame.schema["d"], written)).to_series().to_list() == found


@pytest.mark.parametrize(
    ("value", "known", "found"),
    [
        ("2014-06-03 20:31:00", {}, "2014-06-03T20:31:00+08:00"),
        ("2014-06-03 12:31:00", {"time_zone": "UTC"}, "2014-06-03T20:31:00+08:00"),
        ("03/06/2014 20:31", {"format": "%d/%m/%Y %H:%M"}, "2014-06-03T20:31:00+08:00"),
        (datetime(2014, 6, 3, 20, 31), {}, "2014-06-03T20:31:00+08:00"),
    ],
)
def test_instants_are_read_in_the_time_zone_that_is_stated(value, known, found):
    files = FactFiles.model_validate(NEWS | {"known": {"instant": "time"} | known})
    frame = pl.DataFrame({"time": [value]})
    assert frame.select(files.instant("time", frame.schema["time"])).item().isoformat() == found


def test_an_instant_with_a_time_zone_of_its_own_stays_that_instant():
    files = FactFiles.model_validate(NEWS | {"known": {"instant": "time"}})
    frame = pl.DataFrame({"time": [datetime(2014, 6, 3, 12)]}).with_columns(pl.col("time").dt.replace_time_zone("UTC"))
    assert frame.select(files.instant("time", frame.schema["time"])).item().isoformat() == "2014-06-03T20:00:00+08:00"


def test_ratios_are_whole_units_scale_and_joined_columns_stand_side_by_side():
    ratio = {"security_id": "code", "float_shares": {"of": "mv", "over": "close"}}
    shares = FactFiles.model_validate(SHARES | {"columns": ratio, "units": {"float_shares": 100}})
    frame = pl.DataFrame({"code": ["sh600000"], "mv": ["2000.2"], "close": ["10.0"]})
    assert frame.select(**shares.facts(frame.schema)).row(0) == ("sh600000", 20_000.0)
    assert [theirs for theirs, _ in shares.reads()] == ["code", "mv", "close", "day"]
    news = FactFiles.model_validate(NEWS | {"columns": {"news_id": {"join": ["a", "b"]}, "title": "t"}})
    frame = pl.DataFrame({"a": [1], "b": ["x"], "t": ["T"]})
    assert frame.select(**news.facts(frame.schema)).row(0) == ("1 x", "T", "news")


def test_without_an_hour_a_row_counts_from_the_next_morning():
    known = Known(day="d")
    assert (known.days_later, known.at.isoformat()) == (1, "08:00:00")
