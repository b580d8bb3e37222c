import sys
import threading
from datetime import date, datetime, timedelta

import pandas as pd
import polars as pl
import pytest

from assets.cleaning.admission import judged
from assets.sources.akshare import AkshareSpec
from assets.sources.vendors.arrival import ZONE
from expectations.facts import RawFloatShares, RawIndexBars, RawIndustries, RawNews, RawStatements
from expectations.tables import RawBars

FIRST, LAST = date(2026, 8, 3), date(2026, 10, 16)
BAR = ["日期", "股票代码", "开盘", "收盘", "最高", "最低", "成交量", "成交额", "振幅", "涨跌幅", "涨跌额", "换手率"]


def weekdays(first, last):
    days = pl.date_range(first, last, eager=True)
    return days.filter(days.dt.weekday() <= 5).to_list()


class Akshare:
    """The client module: frames of the columns that akshare 1.19 gives, dates as dates, numbers as numbers."""

    def __init__(self):
        self.asked, self.faults = [], []
        self.halted = {("000001", day) for day in weekdays(date(2026, 9, 14), date(2026, 9, 18))}
        self.suspended = []

    def _note(self, *what):
        self.asked.append(what)
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        return None

    def stock_zh_a_hist(self, symbol, period, start_date, end_date, adjust):
        assert (period, adjust) == ("daily", "")
        fault = self._note("bars", symbol, start_date, end_date)
        if fault is not None:
            return fault
        first = max(datetime.strptime(start_date, "%Y%m%d").date(), date(2026, 1, 5))
        first = max(first, date(2026, 9, 2)) if symbol == "300001" else first
        last = date(2026, 8, 31) if symbol == "600001" else LAST
        last = min(datetime.strptime(end_date, "%Y%m%d").date(), last)
        days = [day for day in weekdays(first, last) if (symbol, day) not in self.halted] if first <= last else []
        # 10 for 10 on 2026-09-10: open, close, high, low in this order
        rows = [
            [
                day,
                symbol,
                *(
                    [10.0, 10.2, 10.5, 9.8, 1000, 1010000.0]
                    if day < date(2026, 9, 10)
                    else [5.0, 5.2, 5.3, 4.9, 2000, 1020000.0]
                ),
                1,
                1,
                1,
                1,
            ]
            for day in days
        ]
        return pd.DataFrame(rows, columns=BAR) if rows else pd.DataFrame()

    def stock_zh_a_daily(self, symbol, adjust):
        assert adjust == "hfq-factor"
        self._note("factor", symbol)
        dates = pd.to_datetime(["2026-09-10", "2010-06-10", "1900-01-01"])
        return pd.DataFrame({"date": dates, "hfq_factor": ["11.0", "5.5", "1.0"]})

    def tool_trade_date_hist_sina(self):
        self._note("calendar")
        return pd.DataFrame({"trade_date": weekdays(date(2026, 1, 1), date(2026, 12, 31))})

    def stock_info_sh_name_code(self, symbol):
        self._note("register", symbol)
        code = {"主板A股": "600000", "科创板": "688001"}[symbol]
        return pd.DataFrame(
            [[code, "浦发银行", date(1999, 11, 10), "x"]], columns=["证券代码", "证券简称", "上市日期", "公司全称"]
        )

    def stock_info_sh_delist(self, symbol):
        self._note("register", symbol)
        return pd.DataFrame(
            [["600001", "邯郸钢铁", date(1998, 1, 22), date(2026, 9, 1)]],
            columns=["公司代码", "公司简称", "上市日期", "暂停上市日期"],
        )

    def stock_info_sz_name_code(self, symbol):
        self._note("register", symbol)
        rows = [["主板", "000001", "平安A", "1991-04-03"], ["创业板", "300001", "特锐德", "2026-09-02"]]
        return pd.DataFrame(rows, columns=["板块", "A股代码", "A股简称", "A股上市日期"])

    def stock_info_sz_delist(self, symbol):
        self._note("register", symbol)
        return pd.DataFrame(
            [["000003", "PT金田A", date(1991, 7, 3), date(2002, 6, 14)]],
            columns=["证券代码", "证券简称", "上市日期", "终止上市日期"],
        )

    def stock_info_sz_change_name(self, symbol):
        assert symbol == "简称变更"
        self._note("names")
        rows = [
            [date(2026, 8, 20), "000001", "x", "ST平安", "平安银行"],
            [date(2026, 10, 8), "000001", "x", "平安银行", "*ST平安"],
            [date(2026, 10, 14), "000001", "x", "*ST平安", "平安A"],
        ]
        return pd.DataFrame(rows, columns=["变更日期", "证券代码", "证券简称", "变更前简称", "变更后简称"])

    def stock_tfp_em(self, date):
        self._note("suspended", date)
        return pd.DataFrame({"代码": self.suspended, "停牌时间": [None] * len(self.suspended)})

    def stock_zh_index_daily(self, symbol):
        days = weekdays(date(2026, 7, 1), LAST)
        return pd.DataFrame(
            {
                "date": days,
                "open": 1.0,
                "high": 1.0,
                "low": 1.0,
                "volume": 1,
                "close": [4000.0 + place for place in range(len(days))],
            }
        )

    def stock_industry_clf_hist_sw(self):
        rows = [
            ["000001", date(1991, 4, 3), "440101", date(2026, 8, 10)],
            ["000001", date(2026, 9, 1), "480301", date(2026, 8, 30)],
            ["000001", date(2026, 10, 1), "480301", date(2026, 10, 2)],
            ["300099", date(2026, 9, 1), "480301", date(2026, 8, 30)],
        ]
        return pd.DataFrame(rows, columns=["symbol", "start_date", "industry_code", "update_time"])

    def stock_share_change_cninfo(self, symbol, start_date, end_date):
        rows = [
            [symbol, date(2026, 3, 30), date(2026, 4, 1), 1940591.8198, 1940555.4],
            [symbol, date(2026, 9, 3), date(2026, 9, 1), 2000000.0, 1950000.5],
        ]
        return pd.DataFrame(rows, columns=["证券代码", "公告日期", "变动日期", "总股本", "人民币普通股"])

    def stock_zh_a_disclosure_report_cninfo(self, symbol, start_date, end_date):
        self._note("titles", symbol, start_date, end_date)
        rows = [
            [symbol, "平安", "半年报", "2026-08-21 00:00:00", "u1"],
            [symbol, "平安", "停牌", "2026-09-13 17:05:00", "u2"],
        ]
        rows = [row for row in rows if start_date <= row[3][:10].replace("-", "") <= end_date]
        return pd.DataFrame(rows, columns=["代码", "简称", "公告标题", "公告时间", "公告链接"])


@pytest.fixture
def vendor(monkeypatch):
    client = Akshare()
    monkeypatch.setitem(sys.modules, "akshare", client)
    return client


@pytest.fixture
def source(vendor, clock):
    def made(**settings):
        spec = AkshareSpec(**{"securities": ("sz000001",), "first": FIRST} | settings)
        spec._clock = clock
        return spec

    return made


def test_lots_become_shares_and_prices_are_read_by_name_not_by_place(source):
    raw = source().read(RawBars, FIRST, LAST)
    assert raw.schema == RawBars.create_empty().schema
    row = raw.row(0, named=True)
    assert (row["session"], row["security_id"], row["board"]) == (FIRST, "sz000001", "main")
    assert (row["open"], row["high"], row["low"], row["close"]) == (10.0, 10.5, 9.8, 10.2)
    assert (row["volume"], row["amount"]) == (100_000, 1_010_000)
    assert row["low"] <= row["amount"] / row["volume"] <= row["high"]
    assert row["listed_on"] == date(1991, 4, 3)
    assert row["available_at"] == datetime(2026, 8, 3, 17, tzinfo=ZONE)


def test_the_reference_price_is_the_last_close_carried_over_by_the_factor(source):
    by_day = {row["session"]: row for row in source().read(RawBars, FIRST, LAST).iter_rows(named=True)}
    assert (by_day[FIRST]["prev_close"], by_day[FIRST]["adj_factor"]) == (10.2, 5.5)
    assert (by_day[date(2026, 9, 10)]["prev_close"], by_day[date(2026, 9, 10)]["adj_factor"]) == (5.1, 11.0)
    assert by_day[date(2026, 9, 21)]["prev_close"] == 5.2


def test_a_session_without_a_bar_is_suspended_and_cleaning_takes_every_row(source):
    raw = source().read(RawBars, FIRST, LAST)
    assert raw["session"].to_list() == weekdays(FIRST, LAST)
    assert raw.filter("is_suspended")["session"].to_list() == weekdays(date(2026, 9, 14), date(2026, 9, 18))
    assert judged(raw, raw["session"])["rule"].null_count() == raw.height


def test_st_in_shenzhen_is_that_of_the_name_of_the_day_not_of_todays(source):
    raw = source().read(RawBars, FIRST, LAST)
    under = raw.filter("is_st")["session"].to_list()
    assert under == weekdays(FIRST, date(2026, 8, 19)) + weekdays(date(2026, 10, 8), date(2026, 10, 13))


def test_a_security_that_was_never_renamed_has_its_present_name(source):
    raw = source(securities=("sz300001",)).read(RawBars, FIRST, LAST)
    assert (raw["session"].min(), raw["is_st"].any(), raw["board"][0]) == (date(2026, 9, 2), False, "chinext")


def test_st_of_other_exchanges_must_be_assumed_in_words(source):
    with pytest.raises(ValueError, match=r"does not tell when \['sh600000'\] were under special treatment"):
        source(securities=("sh600000", "sz000001"))
    raw = source(securities=("sh600000",), assume_no_st=True).read(RawBars, FIRST, LAST)
    assert raw["is_st"].to_list() == [False] * raw.height


def test_a_delisted_security_has_rows_up_to_its_end(source):
    raw = source(securities=("sh600001",), assume_no_st=True).read(RawBars, FIRST, LAST)
    assert raw["session"].max() == date(2026, 8, 31)


def test_todays_unfinished_bar_is_not_there_before_it_is_known(source, clock):
    clock.present = datetime(2026, 10, 16, 11, tzinfo=ZONE)
    assert source().read(RawBars, FIRST, LAST)["session"].max() == date(2026, 10, 15)
    clock.present = datetime(2026, 10, 16, 17, 1, tzinfo=ZONE)
    assert source().read(RawBars, FIRST, LAST)["session"].max() == LAST


def test_a_page_that_fails_twice_is_asked_a_third_time_and_slowly(source, vendor, clock):
    vendor.faults = [TypeError("'NoneType' object is not subscriptable"), KeyError("data")]
    assert source().read(RawBars, FIRST, LAST).height > 0
    assert [one[0] for one in vendor.asked[:3]] == ["register"] * 3
    assert clock.seconds() >= 4 * (len(vendor.asked) - 1)


def test_an_empty_page_is_an_error_unless_the_security_is_suspended(source, vendor, monkeypatch):
    monkeypatch.setattr(vendor, "stock_zh_a_hist", lambda **_: pd.DataFrame())
    with pytest.raises(
        ConnectionError, match=r"did not answer stock_zh_a_hist sz000001 .*the answer is empty, and rows must"
    ):
        source().read(RawBars, FIRST, LAST)
    assert ("suspended", "20260930") in vendor.asked
    vendor.suspended = ["000001"]
    assert source().read(RawBars, FIRST, LAST)["is_suspended"].all()


def test_offline_ends_in_a_message_that_says_what_to_do(source, vendor):
    vendor.faults = [OSError("network is unreachable")] * 99
    with pytest.raises(
        ConnectionError,
        match=r"OSError: network is unreachable. A page that bans this address[\s\S]*"
        "give the same command again; it goes on where it stopped",
    ):
        source().read(RawBars, FIRST, LAST)


def test_a_page_that_hangs_is_left_behind(source, vendor, monkeypatch):
    monkeypatch.setattr("assets.sources.vendors.akshare_terminal.ANSWER_SECONDS", 0.05)
    waiting = threading.Event()
    monkeypatch.setattr(vendor, "tool_trade_date_hist_sina", lambda: waiting.wait(20))
    with pytest.raises(ConnectionError, match="TimeoutError: no answer in 0 seconds"):
        source().read(RawBars, FIRST, LAST)
    waiting.set()


def test_a_renamed_column_is_refused_by_name(source, vendor, monkeypatch):
    monkeypatch.setattr(vendor, "tool_trade_date_hist_sina", lambda: pd.DataFrame({"date": [FIRST]}))
    with pytest.raises(ValueError, match=r"has no column \['trade_date'\]; it has \['date'\]"):
        source().read(RawBars, FIRST, LAST)


def test_past_months_are_asked_once(source, vendor, clock):
    spec = source(last=date(2026, 9, 30))
    months = [date(2026, 8, 1), date(2026, 9, 1)]
    found = spec.digests(RawBars, months)
    before = len(vendor.asked)
    clock.present += timedelta(days=100)
    assert spec.digests(RawBars, months) == found
    assert len(vendor.asked) == before


def test_an_unknown_security_is_named(source):
    with pytest.raises(ValueError, match=r"no exchange lists \['sz000009'\], nor did one"):
        source(securities=("sz000009",)).read(RawBars, FIRST, LAST)


def test_statements_are_not_offered(source):
    spec = source(industries=True, float_shares=True, announcements=True, index_bars=("sh000300",))
    assert set(spec.offers()) == {RawBars, RawIndustries, RawFloatShares, RawNews, RawIndexBars}
    with pytest.raises(ValueError, match="not raw/statements"):
        spec.read(RawStatements, FIRST, LAST)


def test_index_bars(source):
    raw = source(index_bars=("sh000300",)).read(RawIndexBars, FIRST, FIRST)
    row = raw.row(0, named=True)
    assert (row["index_id"], row["amount"], row["close"] - row["prev_close"]) == ("sh000300", None, 1)


def test_industries_are_known_from_when_they_hold_and_the_list_was_updated(source):
    raw = source(industries=True).read(RawIndustries, FIRST, LAST)
    assert raw.select("known_on", "industry", "holds").rows() == [
        (date(2026, 8, 11), "440101", True),
        (date(2026, 9, 2), "440101", False),
        (date(2026, 9, 2), "480301", True),
    ]


def test_float_shares_in_ten_thousands_are_known_when_announced_and_in_force(source):
    raw = source(float_shares=True).read(RawFloatShares, FIRST, LAST)
    assert raw.select("known_on", "float_shares", "total_shares").rows() == [
        (FIRST, 19_405_554_000, 19_405_918_198),
        (date(2026, 9, 4), 19_500_005_000, 20_000_000_000),
    ]


def test_announcements_are_known_at_their_minute_or_the_next_day(source, vendor):
    raw = source(announcements=True).read(RawNews, FIRST, LAST)
    assert raw.select("news_id", "available_at", "title").rows() == [
        ("u1", datetime(2026, 8, 22, 0, 30, tzinfo=ZONE), "半年报"),
        ("u2", datetime(2026, 9, 13, 17, 5, tzinfo=ZONE), "停牌"),
    ]


def test_a_bar_on_a_day_without_a_session_arrives_for_cleaning_to_refuse(source, vendor, monkeypatch):
    sessions = [day for day in weekdays(date(2026, 1, 1), date(2026, 12, 31)) if day != date(2026, 8, 11)]
    monkeypatch.setattr(vendor, "tool_trade_date_hist_sina", lambda: pd.DataFrame({"trade_date": sessions}))
    raw = source().read(RawBars, FIRST, LAST)
    assert date(2026, 8, 11) in raw["session"].to_list()
    refused = judged(raw, pl.Series(sessions)).filter(pl.col("rule").is_not_null())
    assert refused.select("session", "rule").rows() == [(date(2026, 8, 11), "not_a_session")]
