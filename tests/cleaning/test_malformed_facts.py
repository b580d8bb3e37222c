"""Malformed facts: each ends in a file refused by name or in refused rows, and the good rows beside it arrive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
import yaml

from assets.cleaning import float_shares, index_bars, index_members, industries, news, statements, supply_chain
from assets.sources.fact_mapping import TABLES
from assets.sources.files import FilesSpec
from expectations.tables import RawBars

FIRST, LAST = date(2014, 1, 1), date(2014, 12, 31)
BARS = "code,date,o,h,l,c,pre,vol,amt,factor\nsh600000,2014-06-03,10.0,10.5,9.8,10.2,10.1,1000,10100,1.5\n"
NAMES = ("security_id", "session", "open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor")
MAPPING = {
    "files": "bars.csv",
    "format": "csv",
    "columns": dict(zip(NAMES, BARS.splitlines()[0].split(","), strict=True)),
    "board": {"main": ["sh60", "sz00"]},
    "first": FIRST,
    "last": LAST,
}
STATEMENTS = {
    "columns": {"security_id": "code", "period_end": "period", "item": "item", "value": "value", "published_on": "ann"},
    "known": {"day": "ann"},
}
SPELLS = {
    "columns": {"security_id": "code", "industry": "industry"},
    "known": {"began": "from", "ended": "to", "days_later": 0},
}
MEMBERS = {
    "columns": {"index_id": "index", "security_id": "code", "weight": "weight"},
    "known": {"began": "from", "ended": "to", "days_later": 0},
}
EDGES = {
    "columns": {"supplier_id": "supplier", "customer_id": "code", "weight": "weight"},
    "known": {"day": "day"},
}
NEWS = {
    "columns": {"news_id": "id", "security_id": "code", "kind": "kind", "title": "title", "body": "body"},
    "known": {"instant": "time"},
}
SHARES = {"columns": {"security_id": "code", "float_shares": "float"}, "known": {"day": "day", "days_later": 0}}
INDEX = {
    "columns": {"session": "day", "index_id": "index", "close": "close"},
    "known": {"day": "day", "at": "16:00", "days_later": 0},
}
ENTRIES = {
    "statements": (STATEMENTS, "code,period,item,value,ann", "sh600000,2014-03-31,revenue,5.0,2014-04-22"),
    "industries": (SPELLS, "code,industry,from,to", "sh600000,cement,2014-02-03,"),
    "index_members": (MEMBERS, "index,code,weight,from,to", "i1,sh600000,0.5,2014-02-03,"),
    "supply_chain": (EDGES, "supplier,code,weight,day", "sz000002,sh600000,0.6,2014-02-03"),
    "news": (NEWS, "id,code,kind,title,body,time", "1,sh600000,news,涨,,2014-06-03 20:31:00"),
    "float_shares": (SHARES, "code,float,day", "sh600000,1e8,2014-06-03"),
    "index_bars": (INDEX, "day,index,close", "2014-06-03,i1,3000"),
}
JUDGED = {
    "statements": statements.judged,
    "industries": industries.judged,
    "index_members": index_members.judged,
    "supply_chain": supply_chain.judged,
    "news": news.judged,
    "float_shares": float_shares.judged,
    "index_bars": index_bars.judged,
}


@dataclass(frozen=True)
class Found:
    """What came of a delivery: the files refused, with reasons, the rules of the refused rows, and the kept rows."""

    files: dict[str, str | None]
    rules: list[str]
    kept: pl.DataFrame


def deliver(folder: Path, table: str, bad: bytes, name: str) -> Found:
    entry, header, good = ENTRIES[table]
    (folder / "bars.csv").write_text(BARS)
    (folder / "good.csv").write_text(f"{header}\n{good}\n", encoding="utf-8")
    (folder / name).write_bytes(bad)
    fact = {"table": table, "files": "[!b]*.csv", "format": "csv"} | entry
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | {"facts": [fact]}))
    source = FilesSpec(folder=folder)
    assert source.read(RawBars, FIRST, LAST).height == 1
    raw = source.read(TABLES[table], FIRST, LAST)
    TABLES[table].validate(raw)
    rows = JUDGED[table](raw)
    told = dict(source.deliveries().filter(status="refused").select("delivery", "reason").iter_rows())
    return Found(told, rows["rule"].drop_nulls().sort().to_list(), rows.filter(pl.col("rule").is_null()))


@dataclass(frozen=True)
class Case:
    """A file of a table and what it is refused for, as a whole."""

    table: str
    make: Callable[[str, str], bytes]
    said: str


def in_parquet(header: str, good: str) -> bytes:
    sink = BytesIO()
    columns = {name: [value] for name, value in zip(header.split(","), good.split(","), strict=True)}
    pl.DataFrame(columns).write_parquet(sink)
    return sink.getvalue()


FILES = {
    "renamed column": Case("statements", lambda h, g: f"{h.replace('ann', 'd')}\n{g}".encode(), "has no column 'ann'"),
    "no codes": Case("news", lambda h, g: f"{h.replace('code', 'name')}\n{g}".encode(), "has no column 'code'"),
    "another separator": Case("float_shares", lambda h, g: f"{h}\n{g}".replace(",", ";").encode(), "has no column"),
    "another encoding": Case("news", lambda h, g: f"{h}\n{g}".encode("gbk"), "cannot be read as csv"),
    "zero bytes": Case("statements", lambda h, g: b"", "cannot be read as csv: empty"),
    "a header alone": Case("industries", lambda h, g: f"{h}\n".encode(), "has no rows"),
    "lines of different length": Case("statements", lambda h, g: f"{h}\n{g},9,9\n".encode(), "cannot be read as csv"),
    "Parquet by the name of CSV": Case("float_shares", in_parquet, "has no column 'float'"),
    "dates of another form": Case("statements", lambda h, g: f"{h}\n{g.replace('2014-04-22', '22/04/2014')}".encode(),
                                  "no value of column 'ann' can be read as our published_on"),
    "periods of another form": Case("statements", lambda h, g: f"{h}\n{g.replace('2014-03-31', '2014Q1')}".encode(),
                                    "no value of column 'period' can be read as our period_end"),
    "codes of another form": Case("industries", lambda h, g: f"{h}\n{g.replace('sh600000', '600000.SH')}".encode(),
                                  "no value of column 'code' can be read as our security_id"),
    "words for numbers": Case("index_bars", lambda h, g: f"{h}\n{g.replace('3000', 'high')}".encode(),
                              "no value of column 'close' can be read as our close"),
    "instants without an hour": Case("news", lambda h, g: f"{h}\n{g.replace(' 20:31:00', '')}".encode(),
                                     "no value of column 'time' can be read as our known"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_a_malformed_file_is_refused_whole_and_the_good_one_arrives(tmp_path, case):
    _, header, good = ENTRIES[case.table]
    found = deliver(tmp_path, case.table, case.make(header, good), "malformed.csv")
    [(name, reason)] = found.files.items()
    assert name == f"malformed.csv as {case.table}"
    assert case.said in reason, reason
    assert reason.rstrip(".").split()[-1] in ("file", "folder"), reason
    assert found.kept["delivery"].to_list() == [f"good.csv as {case.table}"]
    assert found.rules == []


ROWS = {
    "published before the period ends": (
        "statements", "sh600000,2014-06-30,revenue,5.0,2014-06-20",
        ["published_before_period_end"],
    ),
    "published on the last day of the period": (
        "statements", "sh600000,2014-06-30,x,5.0,2014-06-30",
        ["published_before_period_end"],
    ),
    "a period that ends in mid-month": (
        "statements", "sh600000,2014-06-15,revenue,5.0,2014-08-20",
        ["not_a_quarter_end"],
    ),
    "not a number": (
        "statements", "sh600000,2014-06-30,revenue,NaN,2014-08-20",
        ["not_finite"],
    ),
    "infinite": (
        "statements", "sh600000,2014-06-30,revenue,-inf,2014-08-20",
        ["not_finite"],
    ),
    "text among numbers": (
        "statements", "sh600000,2014-06-30,revenue,12a,2014-08-20",
        ["missing_value"],
    ),
    "no value": (
        "statements", "sh600000,2014-06-30,revenue,,2014-08-20",
        ["missing_value"],
    ),
    "a code among the others that is none": (
        "statements", "600000,2014-06-30,revenue,5.0,2014-08-20",
        ["missing_key"],
    ),
    "the same row twice": (
        "statements", "sh600000,2014-03-31,revenue,5.0,2014-04-22",
        ["duplicate"],
    ),
    "two values for one revision": (
        "statements", "sh600000,2014-03-31,revenue,6.0,2014-04-23",
        ["contradiction"],
    ),
    "two industries at once": (
        "industries", "sh600000,panels,2014-03-03,2014-09-01",
        ["end_before_beginning", "overlapping_membership"],
    ),
    "an end before the beginning": (
        "industries", "sz000002,panels,2014-06-03,2014-03-03",
        ["contradiction", "contradiction"],
    ),
    "an end on the day of the beginning": (
        "industries", "sz000002,panels,2014-06-03,2014-06-03",
        ["contradiction", "contradiction"],
    ),
    "no beginning": (
        "industries", "sz000002,panels,,",
        ["missing_available_at"],
    ),
    "no industry": (
        "industries", "sz000002,,2014-06-03,",
        ["missing_key"],
    ),
    "a weight above one": (
        "index_members", "i1,sz000002,1.5,2014-03-03,",
        ["weight_outside_0_to_1"],
    ),
    "a weight below nought": (
        "index_members", "i1,sz000002,-0.1,2014-03-03,",
        ["weight_outside_0_to_1"],
    ),
    "weights that sum to more than one": (
        "index_members", "i1,sz000002,0.7,2014-03-03,",
        ["weights_above_one"],
    ),
    "per cent for shares": (
        "supply_chain", "sz000003,sh600000,30,2014-03-03",
        ["weight_outside_0_to_1"],
    ),
    "suppliers of more than all": (
        "supply_chain", "sz000003,sh600000,0.7,2014-03-03",
        ["weights_above_one"],
    ),
    "a supplier of its own": (
        "supply_chain", "sh600000,sh600000,0.1,2014-03-03",
        ["supplies_itself"],
    ),
    "an empty title": (
        "news", '2,sh600000,news,"  ",text,2014-06-03 20:31:00',
        ["empty_title"],
    ),
    "an unknown kind": (
        "news", "2,sh600000,gossip,text,,2014-06-03 20:31:00",
        ["unknown_kind"],
    ),
    "a piece without an hour": (
        "news", "2,sh600000,news,text,,2014-06-03",
        ["missing_available_at"],
    ),
    "a piece that was edited": (
        "news", "1,sh600000,news,跌,,2014-06-04 09:00:00",
        ["contradiction"],
    ),
    "shares below nought": (
        "float_shares", "sh600000,-5,2014-07-03",
        ["not_positive"],
    ),
    "two share counts at once": (
        "float_shares", "sz000002,5e8,2014-07-03\nsz000002,6e8,2014-07-03",
        ["contradiction", "contradiction"],
    ),
    "an index below nought": (
        "index_bars", "2014-06-04,i1,-3000",
        ["not_positive"],
    ),
    "an index that closes twice": (
        "index_bars", "2014-06-03,i1,3100",
        ["contradiction", "contradiction"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("table", "line", "rules"), ROWS.values(), ids=ROWS.keys())
def test_a_malformed_row_is_refused_and_the_good_one_of_the_same_file_arrives(tmp_path, table, line, rules):
    _, header, good = ENTRIES[table]
    other = good.replace("sh600000", "sz000001").replace("i1", "i2").replace("1,", "7,", int(table == "news"))
    lines = "\n".join([header, line, other])
    found = deliver(tmp_path, table, lines.encode(), "some.csv")
    assert found.files == {}
    assert found.rules == rules
    assert f"some.csv as {table}" in found.kept["delivery"].to_list()


def test_a_parquet_file_cut_short_is_refused_whole_and_the_good_one_arrives(tmp_path):
    entry, header, good = ENTRIES["float_shares"]
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "good.parquet").write_bytes(in_parquet(header, good))
    (tmp_path / "torn.parquet").write_bytes(in_parquet(header, good)[:-20])
    (tmp_path / "nothing.parquet").write_bytes(b"")
    fact = {"table": "float_shares", "files": "*.parquet", "format": "parquet"} | entry
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | {"facts": [fact]}))
    source = FilesSpec(folder=tmp_path)
    refused = source.deliveries().filter(status="refused")
    assert refused["delivery"].to_list() == ["nothing.parquet as float_shares", "torn.parquet as float_shares"]
    assert refused["reason"].str.starts_with("cannot be read as parquet: ").all()
    assert source.read(TABLES["float_shares"], FIRST, LAST)["float_shares"].to_list() == [1e8]


def test_a_row_that_becomes_known_after_the_span_stays_unread_and_is_told_of(tmp_path):
    _, header, _ = ENTRIES["statements"]
    line = "sh600000,2014-06-30,revenue,5.0,2099-08-20"
    found = deliver(tmp_path, "statements", f"{header}\n{line}".encode(), "later.csv")
    assert found.kept["delivery"].to_list() == ["good.csv as statements"]
    said = dict(FilesSpec(folder=tmp_path).deliveries().select("delivery", "reason").iter_rows())
    assert said["later.csv as statements"] == (
        "1 rows become known after 2014-12-31, the last on 2099-08-21, and stay unread"
    )


def test_a_row_whose_date_cannot_be_read_counts_from_the_legal_deadline(tmp_path):
    _, header, good = ENTRIES["statements"]
    lines = f"{header}\n{good.replace('revenue', 'cost')}\nsh600000,2014-06-30,revenue,5.0,soon"
    found = deliver(tmp_path, "statements", lines.encode(), "some.csv")
    assumed = found.kept.filter("is_deadline_assumed").row(0, named=True)
    assert (assumed["period_end"], assumed["published_on"]) == (date(2014, 6, 30), date(2014, 8, 31))
    assert assumed["available_at"].isoformat() == "2014-09-01T08:00:00+08:00"


def test_when_every_file_of_a_table_is_faulty_reading_it_says_so_and_the_bars_still_load(tmp_path):
    entry, header, _ = ENTRIES["statements"]
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "x.csv").write_text(header.replace("ann", "date") + "\n")
    fact = {"table": "statements", "files": "x.csv", "format": "csv"} | entry
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | {"facts": [fact]}))
    source = FilesSpec(folder=tmp_path)
    with pytest.raises(ValueError, match=r"every file of raw/statements was refused:\nx.csv as statements: has no col"):
        source.read(TABLES["statements"], FIRST, LAST)
    assert source.read(RawBars, FIRST, LAST).height == 1
    assert set(source.digests(TABLES["statements"], [FIRST])) == {FIRST}
