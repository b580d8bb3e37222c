from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from assets.cleaning.industries import industries
from assets.cleaning.statements import statements
from assets.sources.fact_files import fact_deliveries, fact_digests, offered, read_facts
from assets.sources.fact_mapping import FactFiles
from assets.sources.files import FilesSpec
from assets.sources.mapping import load_mapping
from expectations.facts import RawFloatShares, RawIndustries, RawNews, RawStatements
from expectations.tables import Deliveries, RawBars

SPAN = (date(2014, 1, 2), date(2014, 12, 31))
HEADER = "code,period,item,value,ann"
LINES = ["sh600000,201401,revenue,5.0,2014-04-22", "sh600000,201402,revenue,6.0,2014-08-30"]
STATEMENTS = {
    "table": "statements", "files": "*.csv", "format": "csv", "date_format": "YYYYQQ", "known": {"day": "ann"},
    "columns": {"security_id": "code", "period_end": "period", "item": "item", "value": "value", "published_on": "ann"},
}  # fmt: skip


def entry(**changes: object) -> FactFiles:
    return FactFiles.model_validate(STATEMENTS | changes)


def written(folder: Path, lines: list[str], name: str = "good.csv", header: str = HEADER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *lines]) + "\n")


def read(folder: Path, *facts: FactFiles, first: date = SPAN[0], last: date = SPAN[1], table=RawStatements):
    return table.validate(read_facts(folder, facts, table, (first, last), SPAN))


def test_rows_come_in_our_words_and_count_from_the_morning_after(tmp_path):
    written(tmp_path, LINES)
    row = read(tmp_path, entry()).row(0, named=True)
    assert (row["security_id"], row["period_end"], row["value"], row["revision"]) == (
        "sh600000", date(2014, 3, 31), 5.0, 0,
    )  # fmt: skip
    assert (row["published_on"], row["known_on"]) == (date(2014, 4, 22), date(2014, 4, 23))
    assert row["available_at"].isoformat() == "2014-04-23T08:00:00+08:00"
    assert row["delivery"] == "good.csv as statements"


def test_only_what_became_known_in_the_dates_asked_for_is_read(tmp_path):
    early, later = "sh600000,201303,revenue,4.0,2013-10-22", "sh600000,201404,revenue,7.0,2015-03-20"
    written(tmp_path, [*LINES, early, later])
    assert read(tmp_path, entry())["value"].to_list() == [5.0, 6.0, 4.0]
    assert read(tmp_path, entry(), first=date(2014, 8, 1))["value"].to_list() == [6.0]
    assert read(tmp_path, entry(), last=date(2014, 4, 23))["value"].to_list() == [5.0, 4.0]
    assert read(tmp_path, entry(), last=date(2014, 4, 22))["value"].to_list() == [4.0]
    [told] = fact_deliveries(tmp_path, [entry()], SPAN)
    assert (told["rows"], told["status"]) == (3, "read")
    assert told["reason"] == "1 rows become known after 2014-12-31, the last on 2015-03-21, and stay unread"


def test_a_row_without_a_date_comes_with_the_first_session_unless_its_period_is_sealed(tmp_path):
    written(tmp_path, [*LINES, "sh600000,201403,revenue,7.0,", "sh600000,201501,revenue,8.0,"])
    assert read(tmp_path, entry())["value"].to_list() == [5.0, 6.0, 7.0]
    assert read(tmp_path, entry(), first=date(2014, 2, 1))["value"].to_list() == [5.0, 6.0]


def test_without_a_column_of_dates_statements_count_from_their_legal_deadline(tmp_path):
    written(tmp_path, LINES)
    columns = {name: theirs for name, theirs in STATEMENTS["columns"].items() if name != "published_on"}
    raw = read(tmp_path, entry(columns=columns, known={"deadline": True}))
    assert raw["available_at"].null_count() == 2
    found = statements(raw.lazy()).collect()
    assert found["known_on"].to_list() == [date(2014, 5, 1), date(2014, 9, 1)]
    assert found["is_deadline_assumed"].all()


def test_a_snapshot_counts_from_the_day_after_its_date_and_spells_are_two_changes(tmp_path):
    written(tmp_path, ["sh600000,cement,2014-02-03,2014-06-30", "sz000001,panels,2014-02-03,"], header="code,i,from,to")
    columns = {"security_id": "code", "industry": "i"}
    shared = {"table": "industries", "columns": columns, "date_format": None}
    once = read(tmp_path, entry(**shared, known={"snapshot": date(2014, 6, 30)}), table=RawIndustries)
    assert [day.isoformat() for day in once["available_at"]] == ["2014-07-01T08:00:00+08:00"] * 2
    assert once["holds"].all()
    spells = read(tmp_path, entry(**shared, known={"began": "from", "ended": "to"}), table=RawIndustries)
    assert spells.select("security_id", "known_on", "holds").rows() == [
        ("sh600000", date(2014, 2, 4), True),
        ("sz000001", date(2014, 2, 4), True),
        ("sh600000", date(2014, 7, 1), False),
    ]
    assert industries(spells.lazy()).collect().height == 3


def test_a_spell_that_ends_before_it_begins_is_told_of(tmp_path):
    written(tmp_path, ["sh600000,cement,2014-06-03,2014-02-03"], header="code,i,from,to")
    columns = {"security_id": "code", "industry": "i"}
    wanted = entry(table="industries", columns=columns, date_format=None, known={"began": "from", "ended": "to"})
    [told] = fact_deliveries(tmp_path, [wanted], SPAN)
    assert told["reason"] == "1 rows end no later than they begin; cleaning refuses them"
    assert industries(read(tmp_path, wanted, table=RawIndustries).lazy()).collect().is_empty()


def test_only_changes_are_kept_where_the_mapping_says_so(tmp_path):
    days = [f"sh600000,{n},2014-06-0{day}" for day, n in ((4, 7), (3, 5), (5, 7), (6, 5))]
    written(tmp_path, [*days, "sz000001,5,2014-06-05"], header="code,n,day")
    columns = {"security_id": "code", "float_shares": "n"}
    wanted = entry(table="float_shares", columns=columns, known={"day": "day"}, date_format=None, only_changes=True)
    found = read(tmp_path, wanted, table=RawFloatShares)
    assert found.select("security_id", "float_shares", "known_on").rows() == [
        ("sh600000", 5.0, date(2014, 6, 4)),
        ("sh600000", 7.0, date(2014, 6, 5)),
        ("sh600000", 5.0, date(2014, 6, 7)),
        ("sz000001", 5.0, date(2014, 6, 6)),
    ]


def test_a_folder_beside_the_bars_is_read_and_an_absent_one_is_told_of(tmp_path):
    bars, beside = tmp_path / "bars", tmp_path / "reports"
    bars.mkdir()
    wanted = entry(folder="../reports")
    assert read(bars, wanted).is_empty()
    [told] = fact_deliveries(bars, [wanted], SPAN)
    assert (told["status"], told["rows"]) == ("refused", 0)
    assert told["reason"].startswith("the folder is not there; put the files there")
    assert len(set(fact_digests(bars, [wanted], RawStatements, [SPAN[0]], SPAN).values())) == 1
    written(beside, LINES)
    assert read(bars, wanted)["delivery"].to_list() == ["../reports/good.csv as statements"] * 2
    (beside / "good.csv").unlink()
    with pytest.raises(ValueError, match=r"every file of raw/statements was refused:\n.*no file there fits '\*.csv'"):
        read(bars, wanted)


def test_one_table_may_come_from_several_folders(tmp_path):
    written(tmp_path / "a", LINES[:1])
    written(tmp_path / "b", LINES[1:], header=HEADER.replace("value", "amount"))
    second = entry(folder="b", columns=STATEMENTS["columns"] | {"value": "amount"})
    assert offered([entry(folder="a"), second]) == (RawStatements,)
    assert read(tmp_path, entry(folder="a"), second)["value"].to_list() == [5.0, 6.0]


def test_digests_follow_content_and_not_file_times(tmp_path):
    months = [date(2014, 1, 1), date(2014, 4, 1), date(2014, 8, 1)]
    written(tmp_path, LINES)
    before = fact_digests(tmp_path, [entry()], RawStatements, months, SPAN)
    (tmp_path / "good.csv").touch()
    assert fact_digests(tmp_path, [entry()], RawStatements, months, SPAN) == before
    assert fact_digests(tmp_path, [entry()], RawStatements, months[1:], SPAN) == {m: before[m] for m in months[1:]}
    assert fact_digests(tmp_path, [entry()], RawStatements, [], SPAN) == {}
    written(tmp_path, [LINES[0], LINES[1].replace("6.0", "6.1")])
    after = fact_digests(tmp_path, [entry()], RawStatements, months, SPAN)
    assert [after[month] == before[month] for month in months] == [True, True, False]
    written(tmp_path, [*LINES, "sh600000,201303,revenue,4.0,2013-10-22"])
    earlier = fact_digests(tmp_path, [entry()], RawStatements, months, SPAN)
    assert [earlier[month] == before[month] for month in months] == [False, True, True]


def test_the_source_of_files_offers_and_tells_of_its_facts(tmp_path):
    bars = "code,date,o,h,l,c,pre,vol,amt,factor"
    names = ("security_id", "session", "open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor")
    written(tmp_path, ["sh600000,2014-06-03,10.0,10.5,9.8,10.2,10.1,1000,10100,1.5"], "bars.csv", bars)
    written(tmp_path / "reports", LINES)
    mapping = {
        "files": "bars.csv", "format": "csv", "board": {"main": ["sh60"]}, "first": SPAN[0], "last": SPAN[1],
        "columns": dict(zip(names, bars.split(","), strict=True)), "facts": [STATEMENTS | {"folder": "reports"}],
    }  # fmt: skip
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    source = FilesSpec(folder=tmp_path)
    assert source.offers() == (RawBars, RawStatements)
    assert source.read(RawStatements, *SPAN).height == 2
    told = Deliveries.validate(source.deliveries())
    assert told["delivery"].to_list() == ["bars.csv", "reports/good.csv as statements"]
    assert set(source.digests(RawStatements, [date(2014, 4, 1)])) == {date(2014, 4, 1)}


REAL = Path(__file__).parents[3] / "shared" / "data"
needs_real = pytest.mark.skipif(not (REAL / "ashare_2012_2018").exists(), reason="the real market data is absent")


@pytest.mark.real_data
@needs_real
def test_real_facts_are_read_and_nothing_of_the_sealed_year_is():
    source = FilesSpec(folder=REAL / "ashare_2012_2018")
    first, last = source.first_session(), source.last_session()
    Deliveries.validate(source.deliveries())
    told = source.deliveries().filter(pl.col("delivery") != "daily.parquet")
    assert set(told["status"]) == {"read"}
    raw = RawStatements.validate(source.read(RawStatements, first, last))
    assert raw["known_on"].max() <= last
    assert raw["item"].n_unique() == 24
    known = statements(raw.lazy()).collect()
    assert (known["available_at"].dt.date() > known["published_on"]).all()
    assert raw.height - known.height == raw["value"].null_count()
    shares = RawFloatShares.validate(source.read(RawFloatShares, first, last))
    assert shares["security_id"].n_unique() == 400
    assert (shares["float_shares"] <= shares["total_shares"] + 1).all()
    assert source.read(RawNews, first, last).is_empty()
    assert source.read(RawIndustries, first, last).is_empty()


@pytest.mark.real_data
@needs_real
def test_real_news_and_industries_are_known_no_earlier_than_they_can_be():
    folder = REAL / "ashare_2012_2018"
    facts = load_mapping(folder, None).facts
    span = (date(2018, 1, 1), date(2022, 12, 31))
    pieces = read_facts(folder, facts, RawNews, span, span)
    assert pieces.height == 1477
    day = pieces["news_id"].str.extract(r"(\d{4}-\d{2}-\d{2})").str.to_date()
    assert (pieces["known_on"] == day.dt.offset_by("1d")).all()
    assert pieces["security_id"].null_count() == 0
    codes = read_facts(folder, facts, RawIndustries, span, span)
    assert set(codes["known_on"]) == {date(2021, 11, 1)}
    assert industries(codes.lazy()).collect().height == codes.height == 4430
