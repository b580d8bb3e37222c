import logging
import sys
import traceback
from datetime import date, datetime, timedelta

import pandas as pd
import polars as pl
import pytest
import requests

from assets.cleaning.admission import judged
from assets.sources.tushare import TushareSpec
from assets.sources.vendors.arrival import ZONE
from assets.sources.vendors.asking import Manners
from expectations.facts import RawFloatShares, RawIndexBars, RawIndexMembers, RawIndustries, RawNews, RawStatements
from expectations.tables import RawBars

TOKEN = "0123456789abcdef-secret"
FIRST, LAST = date(2026, 8, 3), date(2026, 10, 16)
NO_ROWS = pd.DataFrame()


def weekdays(first, last):
    days = pl.date_range(date.fromisoformat(first), date.fromisoformat(last), eager=True)
    return days.filter(days.dt.weekday() <= 5).dt.strftime("%Y%m%d").to_list()


class Tushare:
    """The client module: frames as the documents of tushare pro give them, text for codes and dates, floats else."""

    def __init__(self):
        self.asked, self.faults, self.tokens, self.rows = [], [], [], {}
        self.sessions = weekdays("2026-07-01", "2026-10-16")

    def pro_api(self, token, timeout):
        self.tokens.append(token)
        return self

    def query(self, api_name, fields="", **arguments):
        self.asked.append((api_name, *arguments.values()))
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        found = self.rows[api_name](arguments) if api_name in self.rows else getattr(self, api_name)(arguments)
        frame = pd.DataFrame(found, columns=fields.split(","))
        for name in ("trade_date", "ann_date"):
            if name in frame and "start_date" in arguments:
                frame = frame[frame[name].between(arguments["start_date"], arguments["end_date"])]
        return frame

    def trade_cal(self, arguments):
        days = pd.date_range(arguments["start_date"], arguments["end_date"]).strftime("%Y%m%d")
        return [[day, int(pd.Timestamp(day).weekday() < 5)] for day in days]

    def stock_basic(self, arguments):
        listed = {"L": [["600000.SH", "19991110", None], ["300001.SZ", "20260902", None]]}
        listed["D"] = [["600001.SH", "19980122", "20260915"]]
        return listed.get(arguments["list_status"], [])

    def namechange(self, arguments):
        names = [
            ["600000.SH", "ST浦发", "20261001"],
            ["600000.SH", "ST浦发", "20261001"],
            ["600000.SH", "浦发银行", "19991110"],
        ]
        return names if arguments["ts_code"] == "600000.SH" else [[arguments["ts_code"], "特锐德", "19980101"]]

    def suspend_d(self, arguments):
        if arguments["ts_code"] != "600000.SH":
            return []
        whole = [["600000.SH", day, None, "S"] for day in ("20260914", "20260915", "20261102")]
        return [*whole, ["600000.SH", "20260917", "09:30-10:00", "S"], ["600000.SH", "20260916", None, "R"]]

    def daily(self, arguments):
        code = arguments["ts_code"]
        halted = ("20260914", "20260915", "20260918") if code == "600000.SH" else ()
        begins, ends = {"300001.SZ": ("20260902", "9"), "600001.SH": ("0", "20260914")}.get(code, ("0", "9"))
        days = [day for day in self.sessions if day not in halted and begins <= day <= ends]
        return [[code, day, 10.0, 10.5, 9.8, 10.2, 10.1, 1000.0, 1010.0] for day in reversed(days)]

    def adj_factor(self, arguments):
        return [[arguments["ts_code"], day, 5.5 if day < "20260910" else 6.6] for day in self.sessions]

    def daily_basic(self, arguments):
        counts = [(day, 2810376.39 if day < "20260910" else 2900000.0) for day in self.sessions]
        return [[arguments["ts_code"], day, count, 2935208.04] for day, count in counts]

    def index_daily(self, arguments):
        return [["000300.SH", day, 4000.5, 3990.25, 123456.789] for day in self.sessions]

    def index_weight(self, arguments):
        held = {"20260803": ["600000.SH"], "20260901": ["600000.SH", "300001.SZ"], "20261009": ["300001.SZ"]}
        return [["000300.SH", code, day, 1.25] for day, codes in held.items() for code in codes]

    def income(self, arguments):
        if arguments["ts_code"] != "600000.SH":
            return []
        head = ["600000.SH"]
        return [  # ann_date f_ann_date end_date update_flag revenue total_revenue operate_profit n_income attr_p eps
            [*head, "20260829", "20260829", "20260630", "0", 100.0, 100.0, None, 10.0, 9.0, 0.1],
            [*head, "20260829", "20260829", "20260630", "1", 101.0, 100.0, None, 10.0, 9.0, 0.1],
            [*head, "20260829", "20261009", "20260630", "1", 102.0, 100.0, None, 10.0, 8.0, 0.1],
            [*head, "20260429", "20260429", "20260331", "1", 50.0, 50.0, None, 5.0, 4.0, 0.05],
        ]

    def anns_d(self, arguments):
        return [
            ["600000.SH", "20261009", "关于回购", "u1", "2026-10-08 18:31:05"],
            ["600000.SH", "20261009", "关于回购", "u1", "2026-10-08 18:31:05"],
            ["600000.SH", "20260901", "公告", "u2", None],
        ]


@pytest.fixture
def vendor(monkeypatch):
    client = Tushare()
    monkeypatch.setitem(sys.modules, "tushare", client)
    monkeypatch.setenv("TUSHARE_TOKEN", TOKEN)
    return client


@pytest.fixture
def source(vendor, clock):
    def made(**settings):
        spec = TushareSpec(**{"securities": ("sh600000", "sz300001"), "first": FIRST} | settings)
        spec._clock = clock
        return spec

    return made


def test_lots_and_thousands_become_shares_and_yuan(source):
    raw = source().read(RawBars, FIRST, LAST)
    assert raw.schema == RawBars.create_empty().schema
    row = raw.row(0, named=True)
    assert (row["session"], row["security_id"], row["board"]) == (FIRST, "sh600000", "main")
    assert (row["open"], row["high"], row["low"], row["close"], row["prev_close"]) == (10.0, 10.5, 9.8, 10.2, 10.1)
    assert (row["volume"], row["amount"]) == (100_000, 1_010_000)
    assert row["low"] <= row["amount"] / row["volume"] <= row["high"]
    assert row["available_at"] == datetime(2026, 8, 3, 16, tzinfo=ZONE)
    assert (row["listed_on"], row["adj_factor"]) == (date(1999, 11, 10), 5.5)


def test_a_session_without_a_bar_is_suspended_where_tushare_says_so_and_else_an_objection(source):
    raw = source(securities=("sh600000",)).read(RawBars, FIRST, LAST)
    assert raw["session"].n_unique() == raw.height == len(weekdays("2026-08-03", "2026-10-16"))
    assert raw.filter("is_suspended")["session"].to_list() == [date(2026, 9, 14), date(2026, 9, 15)]
    assert raw.filter("is_suspended").select("close", "volume", "amount").unique().rows() == [(None, 0.0, 0.0)]
    hole = raw.filter(pl.col("source_objection").is_not_null())
    assert hole["session"].to_list() == [date(2026, 9, 18)]
    refused = judged(raw, raw["session"]).filter(pl.col("rule").is_not_null())
    assert refused.select("session", "rule").rows() == [(date(2026, 9, 18), "source_objection")]


def test_a_security_has_rows_from_its_listing_to_its_delisting(source):
    raw = source(securities=("sz300001", "sh600001")).read(RawBars, FIRST, LAST)
    spans = raw.group_by("security_id").agg(pl.col("session").min(), last=pl.col("session").max()).sort("security_id")
    assert spans.rows() == [
        ("sh600001", FIRST, date(2026, 9, 14)),
        ("sz300001", date(2026, 9, 2), LAST),
    ]


def test_st_is_that_of_the_name_in_force(source):
    raw = source(securities=("sh600000",)).read(RawBars, FIRST, LAST)
    assert raw.filter("is_st")["session"].min() == date(2026, 10, 1)
    assert raw["is_st"].null_count() == 0
    assert raw.filter(pl.col("session") == date(2026, 9, 10))["adj_factor"].to_list() == [6.6]


def test_an_empty_answer_for_a_session_that_must_have_a_bar_is_an_error(source, vendor):
    vendor.rows["daily"] = lambda arguments: []
    with pytest.raises(
        ConnectionError, match=r"did not answer daily sh600000 .*the answer is empty, and rows must exist"
    ):
        source().read(RawBars, FIRST, LAST)
    assert len([one for one in vendor.asked if one[0] == "daily"]) == 5


def test_a_month_that_was_suspended_throughout_is_rightly_empty(source, vendor):
    days = weekdays("2026-10-01", "2026-10-16")
    vendor.rows["suspend_d"] = lambda arguments: [[arguments["ts_code"], day, None, "S"] for day in days]
    vendor.rows["daily"] = lambda arguments: []
    spec = source(securities=("sh600000",), first=date(2026, 10, 1))
    raw = spec.read(RawBars, date(2026, 10, 1), LAST)
    assert raw["is_suspended"].all()
    assert raw.height == len(days)


def test_a_vendor_that_fails_twice_is_asked_a_third_time(source, vendor, clock):
    vendor.faults = [requests.exceptions.ConnectTimeout("slow"), NO_ROWS]
    assert source().read(RawBars, FIRST, LAST).height > 0
    assert [one[0] for one in vendor.asked[:3]] == ["trade_cal"] * 3
    assert clock.slept[0] >= 2.5


def test_a_used_up_minute_is_waited_for(source, vendor):
    vendor.faults = [Exception("抱歉，您每分钟最多访问该接口200次，权限的具体详情访问：https://tushare.pro")]
    assert source().read(RawBars, FIRST, LAST).height > 0


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("抱歉，您每天最多访问该接口2次，权限的具体详情访问：x", "give the same command again tomorrow"),
        ("抱歉，您没有接口访问权限，权限的具体详情访问：x", "your account may not ask this"),
        ("您的token不对，请确认。", "correct TUSHARE_TOKEN"),
    ],
)
def test_a_refusal_is_told_with_advice_and_not_asked_again(source, vendor, said, advice):
    vendor.faults = [Exception(said)]
    with pytest.raises(ValueError, match=advice):
        source().read(RawBars, FIRST, LAST)
    assert len(vendor.asked) == 1


def test_an_answer_as_long_as_the_vendors_limit_is_refused(source, vendor):
    vendor.faults = [pd.DataFrame({"cal_date": ["20260803"] * 5000, "is_open": 1})]
    with pytest.raises(ValueError, match="trade_cal with 5000 rows, which may be cut at 5000"):
        source().read(RawBars, FIRST, LAST)


def test_offline_ends_in_a_message_and_the_next_run_goes_on(source, vendor):
    spec = source()
    spec.read(RawBars, FIRST, date(2026, 8, 31))
    kept = len(vendor.asked)
    vendor.faults = [requests.exceptions.ConnectionError("no route to host")] * 5
    with pytest.raises(ConnectionError, match=r"no route to host[\s\S]*it goes on where it stopped"):
        spec.read(RawBars, FIRST, LAST)
    spec.read(RawBars, FIRST, LAST)
    again = [one for one in vendor.asked[kept:] if "600000.SH" in one and "20260801" in one]
    assert again == []


def test_the_token_is_in_no_setting_message_log_or_file(source, vendor, caplog, capsys, tmp_path, clock):
    caplog.set_level(logging.DEBUG)
    spec = source(manners=Manners(attempts=1, calls_per_minute=1000))
    vendor.faults = [requests.exceptions.ConnectionError(f"POST {{'token': '{TOKEN}'}} failed")]
    with pytest.raises(ConnectionError) as caught:
        spec.read(RawBars, FIRST, LAST)
    error = caught.value
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    spec.read(RawBars, FIRST, LAST)
    printed = capsys.readouterr()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert "***" in str(error)
    assert vendor.tokens[0] == TOKEN
    for text in (told, spec.model_dump_json(), repr(spec), caplog.text, printed.out, printed.err):
        assert TOKEN not in text
    assert files
    assert not any(TOKEN.encode() in content for content in files)
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    assert not any(TOKEN in str(one) for one in chain)


def test_without_a_token_the_message_names_the_variable(source, monkeypatch):
    monkeypatch.delenv("TUSHARE_TOKEN")
    with pytest.raises(ValueError, match="set TUSHARE_TOKEN in the environment"):
        source().read(RawBars, FIRST, LAST)


def test_a_restatement_is_a_revision_known_when_it_was_announced(source):
    raw = source(statements=("income",)).read(RawStatements, FIRST, LAST)
    half = raw.filter(pl.col("period_end") == date(2026, 6, 30))
    told = half.filter(pl.col("item") == "revenue").select("value", "revision", "published_on", "known_on").rows()
    assert told == [
        (100.0, 0, date(2026, 8, 29), date(2026, 8, 29)),
        (102.0, 1, date(2026, 10, 9), date(2026, 10, 9)),
    ]
    assert half.filter(pl.col("item") == "net_profit").select("value", "revision").rows() == [(10.0, 0)]
    assert half.filter(pl.col("item") == "operating_profit").is_empty()
    assert half["available_at"].min() == datetime(2026, 8, 29, 21, tzinfo=ZONE)
    before = raw.filter(pl.col("period_end") == date(2026, 3, 31))
    assert before["known_on"].unique().to_list() == [FIRST]


def test_float_shares_are_told_when_they_change(source):
    raw = source(securities=("sh600000",), float_shares=True).read(RawFloatShares, FIRST, LAST)
    assert raw.select("known_on", "float_shares", "total_shares").rows() == [
        (FIRST, 28_103_763_900, 29_352_080_400),
        (date(2026, 9, 10), 29_000_000_000, 29_352_080_400),
    ]
    assert raw["available_at"][1] == datetime(2026, 9, 10, 17, tzinfo=ZONE)


def test_index_members_come_with_weights_as_fractions(source):
    spec = source(securities=(), index="sh000300")
    raw = spec.read(RawIndexMembers, FIRST, LAST)
    assert raw.select("known_on", "security_id", "weight", "holds").rows() == [
        (date(2026, 8, 4), "sh600000", 0.0125, True),
        (date(2026, 9, 2), "sz300001", 0.0125, True),
        (date(2026, 10, 10), "sh600000", 0.0125, False),
    ]
    assert set(spec.read(RawBars, FIRST, LAST)["security_id"]) == {"sh600000", "sz300001"}


def test_index_bars(source):
    row = source(index_bars=("sh000300",)).read(RawIndexBars, FIRST, FIRST).row(0, named=True)
    assert (row["index_id"], row["close"], row["prev_close"], row["amount"]) == ("sh000300", 4000.5, 3990.25, 123456789)
    assert row["available_at"] == datetime(2026, 8, 3, 17, tzinfo=ZONE)


def test_announcements_are_known_at_their_minute_or_the_next_morning(source):
    raw = source(securities=("sh600000",), announcements=True).read(RawNews, FIRST, LAST)
    assert raw.select("news_id", "known_on", "available_at", "title").rows() == [
        ("u2", date(2026, 9, 2), datetime(2026, 9, 2, 9, tzinfo=ZONE), "公告"),
        ("u1", date(2026, 10, 8), datetime(2026, 10, 8, 18, 31, 5, tzinfo=ZONE), "关于回购"),
    ]


def test_digests_of_months_that_are_kept_ask_nothing(source, vendor, clock):
    months = [date(2026, 8, 1), date(2026, 9, 1)]
    spec = source(last=date(2026, 9, 30))
    found = spec.digests(RawBars, months)
    before = len(vendor.asked)
    clock.present += timedelta(days=30)
    assert spec.digests(RawBars, months) == found
    assert len(vendor.asked) == before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"securities": ()}, "either `securities` or `index`"),
        ({"index": "000300.SH"}, "String should match pattern"),
        ({"token": TOKEN}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_name(source, settings, said):
    with pytest.raises(ValueError, match=said):
        source(**settings)


def test_what_is_not_offered_is_refused_by_name(source):
    with pytest.raises(ValueError, match=r"tushare offers \['raw/bars'\], not raw/industries"):
        source().read(RawIndustries, FIRST, LAST)


def test_an_unknown_security_is_named(source):
    with pytest.raises(ValueError, match=r"tushare knows no security \['sz399999'\]"):
        source(securities=("sz399999",)).read(RawBars, FIRST, LAST)
