from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.refused_bars import refused_bars
from assets.sources.files import FilesSpec, _digests_of_bars
from expectations.tables import RawBars

FIRST, LAST = date(2015, 1, 1), date(2015, 12, 31)
MAPPING = {
    "files": "*.csv",
    "format": "csv",
    "columns": {
        "security_id": "code",
        "session": "date",
        "open": "o",
        "high": "h",
        "low": "l",
        "close": "c",
        "prev_close": "pre",
        "volume": "vol",
        "amount": "amt",
        "adj_factor": "factor",
    },
    "board": {"main": ["sh60", "sz00"], "chinext": ["sz30"]},
    "first": FIRST,
    "last": LAST,
}
HEADER = "code,date,o,h,l,c,pre,vol,amt,factor"
GOOD = [
    "sh600000,2015-06-01,10.0,10.5,9.8,10.2,10.1,1000,10100,1.5",
    "sh600000,2015-06-02,10.2,10.6,10.0,10.4,10.2,2000,20600,1.5",
]


def written(folder: Path, lines: list[str], name: str = "good.csv", header: str = HEADER) -> None:
    (folder / name).write_text("\n".join([header, *lines]) + "\n")


def source(folder: Path, **changes: object) -> FilesSpec:
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | changes))
    return FilesSpec(folder=folder)


def refusals(spec: FilesSpec) -> dict[str, str]:
    return dict(spec.deliveries().filter(pl.col("status") == "refused").select("delivery", "reason").iter_rows())


def rules(spec: FilesSpec) -> list[str]:
    raw = spec.read(RawBars, FIRST, LAST)
    return refused_bars(raw.lazy(), calendar(raw.lazy())).collect()["rule"].to_list()


def test_rows_come_in_our_columns_and_types(tmp_path):
    written(tmp_path, GOOD)
    raw = RawBars.validate(source(tmp_path).read(RawBars, FIRST, LAST))
    row = raw.row(1, named=True)
    assert (row["security_id"], row["session"], row["board"], row["delivery"]) == (
        "sh600000",
        date(2015, 6, 2),
        "main",
        "good.csv",
    )
    assert (row["close"], row["prev_close"], row["volume"], row["amount"]) == (10.4, 10.2, 2000, 20600)
    assert (row["is_st"], row["is_suspended"], row["listed_on"], row["source_objection"]) == (False, False, None, None)
    assert row["available_at"].isoformat() == "2015-06-02T16:00:00+08:00"
    assert rules(source(tmp_path)) == []


def test_a_name_without_share_reform_is_told_of_and_has_limits_of_five_percent(tmp_path):
    names = ["S前锋", "万科A"]
    written(tmp_path, [f"{line},{name}" for line, name in zip(GOOD, names, strict=True)], header=f"{HEADER},name")
    silent, telling = (
        source(tmp_path, **flag).read(RawBars, FIRST, LAST)
        for flag in ({}, {"is_unreformed": {"column": "name", "matches": "^S[^T]"}})
    )
    assert silent["is_unreformed"].to_list() == [None, None]
    assert telling["is_unreformed"].to_list() == [True, False]
    for raw, limits in ((silent, [11.11, 11.22]), (telling, [10.61, 11.22])):
        assert bars(raw.lazy(), calendar(raw.lazy())).collect()["limit_up"].to_list() == limits


def test_only_the_asked_sessions_inside_the_declared_span_are_read(tmp_path):
    outside = ["sh600000,2016-01-04,10.0,10.5,9.8,10.2,10.1,1000,10100,1.5"]
    written(tmp_path, GOOD + outside)
    spec = source(tmp_path)
    assert spec.read(RawBars, date(2015, 6, 2), date(2015, 6, 2))["session"].to_list() == [date(2015, 6, 2)]
    assert spec.read(RawBars, date(2015, 6, 2), date(2020, 1, 1)).height == 1
    assert spec.deliveries().row(0) == ("good.csv", 2, "read", None)
    assert (spec.first_session(), spec.last_session()) == (FIRST, LAST)


def test_a_folder_goes_on_where_dates_to_come_are_declared(tmp_path):
    written(tmp_path, GOOD)
    newest = date(2015, 6, 2)
    assert source(tmp_path, last=newest + timedelta(days=10)).reached() is None
    assert source(tmp_path, last=newest + timedelta(days=11)).reached() == newest
    assert source(tmp_path, last=None).reached() is None


def test_without_a_declared_span_it_is_that_of_the_files(tmp_path):
    written(tmp_path, GOOD)
    spec = source(tmp_path, first=None, last=None)
    assert (spec.first_session(), spec.last_session()) == (date(2015, 6, 1), date(2015, 6, 2))


def test_a_file_without_a_column_is_refused_whole_and_the_others_are_kept(tmp_path):
    written(tmp_path, GOOD)
    written(tmp_path, ["sz000001,2015-06-01,1,2"], "short.csv", "code,date,o,h")
    reason = refusals(source(tmp_path))["short.csv"]
    assert "has no column 'factor' (our adj_factor), 'amt' (our amount), 'c' (our close)" in reason
    assert "it has ['code', 'date', 'o', 'h']" in reason
    assert source(tmp_path).read(RawBars, FIRST, LAST)["delivery"].unique().to_list() == ["good.csv"]


def test_a_file_that_cannot_be_read_is_refused_whole_and_the_others_are_kept(tmp_path):
    pl.DataFrame({"code": ["sh600000"]}).write_parquet(tmp_path / "b.parquet")
    columns = {name: [value] for name, value in zip(HEADER.split(","), GOOD[0].split(","), strict=True)}
    pl.DataFrame(columns).write_parquet(tmp_path / "good.parquet")
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "good.parquet").read_bytes()[:200])
    spec = source(tmp_path, files="*.parquet", format="parquet")
    assert set(refusals(spec)) == {"b.parquet", "torn.parquet"}
    assert "cannot be read as parquet" in refusals(spec)["torn.parquet"]
    assert spec.read(RawBars, FIRST, LAST)["close"].to_list() == [10.2]


@pytest.mark.parametrize(
    ("volume", "amount", "said"),
    [
        (1, 1, None),
        (
            0.01,
            1,
            "is 99.03 times the close in the median of 2 rows; it must lie between 0.8 and 1.25: volume is probably",
        ),
        (100, 1, "volume is probably in shares, not in lots"),
        (1, 1000, "amount is probably in yuan, not in thousands"),
        (1, 0.001, "amount is probably in thousands of yuan"),
        (0.01, 0.001, "volume is probably in lots and amount in thousands of yuan"),
        (1, 3, "prices may be adjusted ones"),
    ],
)
def test_a_file_in_a_wrong_unit_is_refused_whole(tmp_path, volume, amount, said):
    fields = [line.split(",") for line in GOOD]
    lines = [",".join([*f[:7], str(float(f[7]) * volume), str(float(f[8]) * amount), f[9]]) for f in fields]
    written(tmp_path, GOOD)
    written(tmp_path, [line.replace("sh600000", "sz000001") for line in lines], "other.csv")
    found = refusals(source(tmp_path))
    if said is None:
        assert found == {}
    else:
        assert said in found["other.csv"]
        assert source(tmp_path).read(RawBars, FIRST, LAST).height == 2


def test_declared_units_are_turned_into_shares_and_yuan(tmp_path):
    written(tmp_path, ["sh600000,2015-06-01,10.0,10.5,9.8,10.2,10.1,10,10.1,1.5"])
    raw = source(tmp_path, units={"volume": "lots", "amount": "thousand_yuan"}).read(RawBars, FIRST, LAST)
    assert raw.select("volume", "amount").row(0) == (1000, pytest.approx(10_100))


def test_when_every_file_is_refused_the_error_says_why_for_each(tmp_path):
    written(tmp_path, ["1,2"], "a.csv", "x,y")
    written(tmp_path, ["1,2"], "b.csv", "x,z")
    with pytest.raises(ValueError, match=r"every file was refused:\na.csv: has no column[\s\S]*\nb.csv: has no column"):
        source(tmp_path).read(RawBars, FIRST, LAST)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no file in .* fits '\*.csv'"):
        source(tmp_path).read(RawBars, FIRST, LAST)


def test_dates_in_an_unknown_style_refuse_the_file(tmp_path):
    written(tmp_path, [line.replace("2015-06-0", "06/2015/0") for line in GOOD])
    said = refusals(source(tmp_path))["good.csv"]
    assert "in 2 of 2 rows column 'date' (our session) does not hold a date from 1990-12-19 to " in said
    assert "(as text: %Y-%m-%d); the first says '06/2015/01'. Correct `date_format`" in said
    assert source(tmp_path, date_format="%m/%Y/%d").read(RawBars, FIRST, LAST)["session"].to_list()[0] == date(
        2015, 6, 1
    )


def test_a_row_without_a_date_comes_with_the_first_session_and_is_refused_by_cleaning(tmp_path):
    written(tmp_path, [*GOOD, GOOD[0].replace("2015-06-01", "?")])
    spec = source(tmp_path)
    assert spec.read(RawBars, FIRST, date(2015, 1, 31)).height == 1
    assert spec.read(RawBars, date(2015, 6, 1), LAST).height == 2
    assert rules(spec) == ["missing_key"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (GOOD[0], "duplicate"),
        (GOOD[0].replace("10.2,10.1", "10.3,10.1"), "contradiction"),
        ("sz000001,2015-06-01,10.0,9.5,9.8,10.2,10.1,1000,10100,1.5", "high_below_low"),
        ("sz000001,2015-06-01,10.0,10.5,9.8,--,10.1,1000,10100,1.5", "missing_price"),
        ("bj430001,2015-06-01,10.0,10.5,9.8,10.2,10.1,1000,10100,1.5", "unknown_board"),
    ],
)
def test_a_bad_row_goes_through_and_is_refused_by_cleaning(tmp_path, line, rule):
    written(tmp_path, GOOD)
    written(tmp_path, [line], "more.csv")
    assert set(rules(source(tmp_path))) == {rule}


def test_rows_that_the_mapping_objects_to_are_refused_one_by_one(tmp_path):
    written(tmp_path, [*GOOD, GOOD[0].replace("sh600000", "sz000509")])
    spec = source(tmp_path, refuse={"sz000509": "its factor is 2.5 times another"})
    raw = spec.read(RawBars, FIRST, LAST)
    refused = refused_bars(raw.lazy(), calendar(raw.lazy())).collect()
    assert refused.select("security_id", "rule", "reason").rows() == [
        ("sz000509", "source_objection", "its factor is 2.5 times another")
    ]


def test_suspended_days_and_listing_dates_come_from_files_of_their_own(tmp_path):
    written(tmp_path, GOOD)
    (tmp_path / "extra").mkdir()
    written(tmp_path / "extra", ["sh600000,2015-06-03,1", "sh600000,2016-06-03,0"], "halts.csv", "code,day,st")
    written(tmp_path / "extra", ["sh600000,1999-11-10"], "names.csv", "code,listed")
    halts = {"file": "extra/halts.csv", "security_id": "code", "session": "day", "is_st": {"column": "st", "equals": 1}}
    names = {"file": "extra/names.csv", "security_id": "code", "listed_on": "listed"}
    raw = RawBars.validate(source(tmp_path, suspended=halts, securities=names).read(RawBars, FIRST, LAST))
    assert raw.filter("is_suspended").select("session", "is_st", "close", "volume", "delivery").rows() == [
        (date(2015, 6, 3), True, None, 0.0, "extra/halts.csv")
    ]
    assert raw["listed_on"].to_list() == [date(1999, 11, 10)] * 3


def test_a_named_companion_file_must_be_there_and_whole(tmp_path):
    written(tmp_path, GOOD)
    names = {"file": "names.txt", "security_id": "code", "listed_on": "listed"}
    with pytest.raises(ValueError, match=r"the mapping names 'names.txt', which is not in"):
        source(tmp_path, securities=names).read(RawBars, FIRST, LAST)
    (tmp_path / "names.txt").write_text("code,other\nsh600000,1\n")
    with pytest.raises(ValueError, match=r"names.txt has no column \['listed'\]; it has \['code', 'other'\]"):
        source(tmp_path, securities=names).read(RawBars, FIRST, LAST)


def test_digests_follow_content_and_not_file_times(tmp_path):
    written(tmp_path, GOOD)
    months = [date(2015, 5, 1), date(2015, 6, 1), date(2015, 12, 1)]
    before = source(tmp_path).digests(RawBars, months)
    assert list(before) == months
    assert before[months[0]] == before[months[2]] != before[months[1]]
    (tmp_path / "good.csv").touch()
    assert source(tmp_path).digests(RawBars, months) == before
    assert source(tmp_path).digests(RawBars, months[1:2]) == {months[1]: before[months[1]]}
    written(tmp_path, [GOOD[0], GOOD[1].replace("20600", "20601")])
    changed = source(tmp_path).digests(RawBars, months)
    assert changed[months[0]] == before[months[0]]
    assert changed[months[1]] != before[months[1]]
    assert source(tmp_path, refuse={"sh600000": "no"}).digests(RawBars, months)[months[1]] != changed[months[1]]


def test_unknown_settings_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"foldr"):
        FilesSpec(folder=tmp_path, foldr=tmp_path)


REAL = Path(__file__).parents[3] / "shared" / "data" / "ashare_2012_2018"


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the folder of real market data is absent")
def test_real_bars_are_read_and_the_sealed_year_is_not():
    spec = FilesSpec(folder=REAL)
    assert spec.deliveries().row(0) == ("daily.parquet", 536_437, "read", None)
    raw = RawBars.validate(spec.read(RawBars, date(2017, 12, 1), date(2018, 12, 31)))
    assert raw["session"].max() == date(2017, 12, 29)
    assert raw["source_objection"].is_not_null().sum() == 63
    assert raw.filter("is_suspended").height > 500


def test_digests_are_made_anew_where_a_file_or_the_mapping_changes_and_only_there(tmp_path):
    written(tmp_path, GOOD)
    month = [date(2015, 6, 1)]
    first = source(tmp_path).digests(RawBars, month)
    reads = _digests_of_bars.cache_info().misses
    assert source(tmp_path).digests(RawBars, month) == first
    assert _digests_of_bars.cache_info().misses == reads
    assert source(tmp_path, available_at="17:00").digests(RawBars, month) != first
    corrected = [line.replace("10.4", "10.3") for line in GOOD]
    written(tmp_path, corrected)
    assert source(tmp_path).digests(RawBars, month) != first
