import sys
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from assets.cleaning.admission import judged
from assets.sources.baostock import BaostockSpec
from assets.sources.holdout import Opening
from assets.sources.vendors.arrival import ZONE
from expectations.facts import RawFloatShares, RawIndexBars, RawIndexMembers, RawIndustries, RawNews, RawStatements
from expectations.tables import RawBars

BAR = "date,code,open,high,low,close,preclose,volume,amount,tradestatus,isST"
PROFIT = "code,pubDate,statDate,roeAvg,npMargin,gpMargin,netProfit,epsTTM,MBRevenue,totalShare,liqaShare"
FIRST = date(2026, 8, 3)


class Answer:
    """As baostock.data.resultset.ResultData: text, pages of 3 rows here, a fault on a later page ends the loop."""

    def __init__(self, fields, rows, fault=None, breaks_at=None):
        self.error_code, self.error_msg = fault or ("0", "success")
        self.fields, self._rows, self._at, self._breaks_at = fields, rows, 0, breaks_at

    def next(self):
        if self._breaks_at is not None and self._at == self._breaks_at:
            self.error_code, self.error_msg = "10002007", "网络接收错误。"
            return False
        return self._at < len(self._rows)

    def get_row_data(self):
        self._at += 1
        return self._rows[self._at - 1]

    def get_data(self):
        raise AttributeError("'DataFrame' object has no attribute 'append'")


class Baostock:
    """The client module: free sessions every weekday, two shares, one of them suspended in September."""

    def __init__(self):
        self.asked, self.faults, self.logins, self.logouts = [], [], 0, 0
        self.reports = {("sh.600000", 2026, 2): ["2026-08-29", "2026-06-30", "0.031", "0.4", "", "30000000000.000000"]}
        self.members = {}

    def login(self):
        print("login success!")
        self.logins += 1
        return Answer([], [])

    def logout(self):
        print("logout success!")
        self.logouts += 1

    def _answer(self, what, fields, rows):
        self.asked.append(what)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "second page":
            return Answer(fields.split(","), rows, breaks_at=3)
        return Answer(fields.split(","), rows if fault is None else [], fault)

    def query_stock_basic(self, code="", code_name=""):
        rows = [
            ["sh.600000", "浦发银行", "1999-11-10", "", "1", "1"],
            ["sz.300001", "特锐德", "2026-09-02", "", "1", "1"],
            ["sh.600001", "邯郸钢铁", "1998-01-22", "2009-12-29", "1", "0"],
        ]
        return self._answer("basic", "code,code_name,ipoDate,outDate,type,status", rows)

    def query_history_k_data_plus(self, code, fields, start_date, end_date, frequency, adjustflag):
        assert (frequency, adjustflag) == ("d", "3")
        days = weekdays(start_date, min(end_date, "2026-10-16"))
        rows = [bar(code, day) for day in days if code != "sz.300001" or day >= "2026-09-02"]
        if fields != BAR:
            places = [BAR.split(",").index(name) for name in fields.split(",")]
            rows = [[row[place] for place in places] for row in rows]
        return self._answer((code, start_date, end_date), fields, rows)

    def query_adjust_factor(self, code, start_date, end_date):
        known = [["sh.600000", "2010-06-10", "0.6", "5.5", "5.5"], ["sh.600000", "2026-09-10", "0.9", "6.6", "6.6"]]
        rows = [row for row in known if row[0] == code and start_date <= row[1] <= end_date]
        return self._answer(
            ("factor", code, start_date, end_date),
            "code,dividOperateDate,foreAdjustFactor,backAdjustFactor,adjustFactor",
            rows,
        )

    def query_trade_dates(self, start_date, end_date):
        rows = [[day, "1"] for day in weekdays(start_date, end_date)]
        return self._answer("calendar", "calendar_date,is_trading_day", rows)

    def query_profit_data(self, code, year, quarter):
        found = self.reports.get((code, year, quarter))
        rows = [[code, *found, "1.9", "83354000000.000000", "28103763899.00", "28103763899.00"]] if found else []
        return self._answer(("profit", code, year, quarter), PROFIT, rows)

    def query_hs300_stocks(self, date):
        rows = [[date, code, "name"] for code in self.members.get(date, ["sh.600000"])]
        return self._answer(("hs300", date), "updateDate,code,code_name", rows)

    def query_stock_industry(self, date):
        updated = max(date, "2026-09-07")
        rows = [
            [updated, "sh.600000", "浦发银行", "J66货币金融服务" if date < "2026-10-01" else "J67", "证监会行业分类"],
            [updated, "sz.300001", "特锐德", "", "证监会行业分类"],
            [updated, "sh.600009", "other", "G56", "证监会行业分类"],
        ]
        return self._answer(("industry", date), "updateDate,code,code_name,industry,industryClassification", rows)


def weekdays(first, last):
    days = pl.date_range(date.fromisoformat(first), date.fromisoformat(last), eager=True)
    return days.filter(days.dt.weekday() <= 5).cast(pl.String).to_list()


def bar(code, day):
    if code == "sh.600000" and "2026-09-14" <= day <= "2026-09-18":
        return [day, code, "10.2", "10.2", "10.2", "10.2", "10.2", "", "", "0", "0"]
    is_st = "1" if code == "sh.600000" and day >= "2026-10-01" else "0"
    return [day, code, "10.0", "10.5", "9.8", "10.2", "10.1", "1000", "10100.0", "1", is_st]


@pytest.fixture
def vendor(monkeypatch):
    client = Baostock()
    monkeypatch.setitem(sys.modules, "baostock", client)
    return client


@pytest.fixture
def source(vendor, clock):
    def made(**settings):
        spec = BaostockSpec(**{"securities": ("sh600000", "sz300001"), "first": FIRST} | settings)
        spec._clock = clock
        return spec

    return made


def test_bars_come_in_our_columns_units_and_types(source):
    raw = source().read(RawBars, FIRST, date(2026, 10, 16))
    assert raw.schema == RawBars.create_empty().schema
    row = raw.row(0, named=True)
    assert (row["session"], row["security_id"], row["board"]) == (FIRST, "sh600000", "main")
    assert (row["open"], row["high"], row["low"], row["close"], row["prev_close"]) == (10.0, 10.5, 9.8, 10.2, 10.1)
    assert (row["volume"], row["amount"]) == (1000, 10100)
    assert row["low"] <= row["amount"] / row["volume"] <= row["high"]
    assert (row["listed_on"], row["is_st"], row["is_suspended"]) == (date(1999, 11, 10), False, False)
    assert row["available_at"] == datetime(2026, 8, 3, 18, tzinfo=ZONE)
    assert row["source_objection"] is None
    assert raw["board"].unique().sort().to_list() == ["chinext", "main"]


def test_st_is_that_of_the_day_and_the_factor_that_of_the_last_ex_right_day(source):
    raw = source().read(RawBars, FIRST, date(2026, 10, 16)).filter(pl.col("security_id") == "sh600000")
    assert raw.filter("is_st")["session"].min() == date(2026, 10, 1)
    by_day = dict(raw.select("session", "adj_factor").iter_rows())
    assert (by_day[FIRST], by_day[date(2026, 9, 9)], by_day[date(2026, 9, 10)]) == (5.5, 5.5, 6.6)


def test_a_security_without_an_ex_right_day_has_factor_one(source):
    raw = source(securities=("sz300001",)).read(RawBars, FIRST, date(2026, 10, 16))
    assert raw["adj_factor"].unique().to_list() == [1.0]
    assert raw["session"].min() == date(2026, 9, 2)


def test_a_suspended_day_has_a_row_without_prices_and_cleaning_takes_every_row(source):
    raw = source().read(RawBars, FIRST, date(2026, 10, 16))
    suspended = raw.filter("is_suspended")
    assert suspended["session"].to_list() == [date(2026, 9, day) for day in range(14, 19)]
    assert suspended.select("open", "close", "volume", "amount").unique().rows() == [(None, None, 0.0, 0.0)]
    assert judged(raw, raw["session"].unique())["rule"].null_count() == raw.height


def test_only_the_asked_days_inside_the_span_come_back(source):
    spec = source(last=date(2026, 10, 9))
    assert spec.read(RawBars, date(2026, 10, 8), date(2026, 10, 8))["session"].unique().to_list() == [date(2026, 10, 8)]
    assert spec.read(RawBars, date(2026, 10, 9), date(2030, 1, 1))["session"].max() == date(2026, 10, 9)
    assert spec.read(RawBars, date(2026, 10, 10), date(2030, 1, 1)).is_empty()
    assert (spec.first_session(), spec.last_session()) == (FIRST, date(2026, 10, 9))
    assert source().last_session() == date(2026, 10, 16)
    assert (spec.reached(), source().reached()) == (None, date(2026, 10, 16))


def test_the_bar_of_today_is_not_there_before_it_arrives(source, clock):
    clock.present = datetime(2026, 10, 16, 17, 59, tzinfo=ZONE)
    assert source().read(RawBars, FIRST, date(2026, 10, 16))["session"].max() == date(2026, 10, 15)
    clock.present = datetime(2026, 10, 16, 18, tzinfo=ZONE)
    assert source().read(RawBars, FIRST, date(2026, 10, 16))["session"].max() == date(2026, 10, 16)


def test_past_months_are_asked_in_one_question_and_never_again(source, vendor, clock):
    spec = source(securities=("sh600000",), last=date(2026, 12, 31))
    spec.read(RawBars, FIRST, spec.last_session())
    assert ("sh.600000", "2026-08-01", "2026-09-30") in vendor.asked
    assert ("sh.600000", "2026-10-01", "2026-10-31") in vendor.asked
    before = len(vendor.asked)
    clock.present += timedelta(hours=4)
    spec.read(RawBars, FIRST, spec.last_session())
    again = vendor.asked[before:]
    assert ("sh.600000", "2026-10-01", "2026-10-31") in again
    assert not [one for one in again if "2026-08-01" in one]


def test_digests_of_months_that_are_kept_ask_nothing(source, vendor):
    spec = source()
    months = [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)]
    found = spec.digests(RawBars, months)
    before = len(vendor.asked)
    assert source().digests(RawBars, months) == found
    assert source().digests(RawBars, months[:1]) == {months[0]: found[months[0]]}
    assert len(vendor.asked) == before
    assert len(set(found.values())) == 3


def test_a_digest_changes_with_the_rows_of_its_month_alone(source, clock):
    months = [date(2026, 9, 1), date(2026, 10, 1)]
    clock.present = datetime(2026, 10, 16, 12, tzinfo=ZONE)
    before = source().digests(RawBars, months)
    clock.present = datetime(2026, 10, 16, 18, 5, tzinfo=ZONE)
    after = source().digests(RawBars, months)
    assert (before[months[0]] == after[months[0]], before[months[1]] == after[months[1]]) == (True, False)


def test_a_lost_session_is_opened_again_and_every_session_is_closed(source, vendor, capsys):
    vendor.faults = [("10001001", "用户未登录"), ("10002007", "网络接收错误。")]
    spec = source()
    spec.read(RawBars, FIRST, date(2026, 10, 16))
    assert vendor.asked[:3] == ["basic"] * 3
    assert vendor.logins > vendor.logouts > 0
    assert capsys.readouterr().out == ""


def test_a_fault_on_a_later_page_does_not_cut_the_answer_short(source, vendor):
    spec = source(securities=("sh600000",))
    vendor.faults = [None, "second page"]
    raw = spec.read(RawBars, FIRST, date(2026, 9, 30))
    assert raw.height == len(weekdays("2026-08-03", "2026-09-30"))
    assert [one for one in vendor.asked if one[0] == "sh.600000"] == [("sh.600000", "2026-08-01", "2026-09-30")] * 2


def test_offline_ends_in_a_message_that_says_what_to_do(source, vendor):
    vendor.faults = [("10002007", "网络接收错误。")] * 99
    with pytest.raises(
        ConnectionError,
        match=r"baostock did not answer query_stock_basic all, asked 5 times: baostock says "
        r"10002007 [\s\S]*check the network and the vendor's status, then give the same command again",
    ):
        source().read(RawBars, FIRST, date(2026, 10, 16))


def test_a_refusal_is_not_asked_again(source, vendor):
    vendor.faults = [("10001011", "黑名单用户")]
    with pytest.raises(ValueError, match="10001011 黑名单用户"):
        source().read(RawBars, FIRST, date(2026, 10, 16))
    assert len(vendor.asked) == 1


def test_no_bars_where_the_calendar_has_sessions_is_an_error(source, vendor, monkeypatch):
    monkeypatch.setattr(vendor, "query_history_k_data_plus", lambda **_: Answer(BAR.split(","), []))
    with pytest.raises(ConnectionError, match="the answer is empty, and rows must exist"):
        source().read(RawBars, FIRST, date(2026, 10, 16))


def test_no_bars_before_the_first_session_of_a_month_is_true(source, vendor, clock, monkeypatch):
    clock.present = datetime(2026, 10, 1, 12, tzinfo=ZONE)
    monkeypatch.setattr(vendor, "query_history_k_data_plus", lambda **_: Answer(BAR.split(","), []))
    assert source(first=date(2026, 10, 1)).read(RawBars, date(2026, 10, 1), date(2026, 10, 1)).is_empty()


def test_an_unknown_security_is_named(source):
    with pytest.raises(ValueError, match=r"baostock knows no security \['sh699999'\]"):
        source(securities=("sh600000", "sh699999")).read(RawBars, FIRST, FIRST)


def test_a_security_that_is_gone_is_not_asked_for(source, vendor):
    assert source(securities=("sh600001",)).read(RawBars, FIRST, date(2026, 9, 30)).is_empty()
    assert not [one for one in vendor.asked if one[0] == "sh.600001"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"securities": ()}, "either `securities` or `index`"),
        ({"index": "hs300"}, "either `securities` or `index`"),
        ({"securities": ("600000",)}, "String should match pattern"),
        ({"securities": ("bj430047",)}, "no shares of the Beijing exchange"),
        ({"frist": "2020-01-01"}, "Extra inputs are not permitted"),
        ({"statements": ("profits",)}, "Input should be 'profit'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_name(source, settings, said):
    with pytest.raises(ValueError, match=said):
        source(**settings)


def test_manners_are_no_part_of_the_settings(source):
    assert "manners" not in source().model_dump_json()
    assert source().offers() == (RawBars,)


def test_statements_are_known_the_night_after_their_publication(source, vendor, clock):
    spec = source(statements=("profit",))
    assert spec.offers() == (RawBars, RawStatements, RawFloatShares)
    raw = spec.read(RawStatements, FIRST, date(2026, 10, 16))
    by_item = {row["item"]: row for row in raw.iter_rows(named=True)}
    assert by_item["net_profit"]["value"] == 3e10
    assert by_item["revenue"]["value"] == 83354e6
    assert (by_item["roe_avg"]["value"], by_item["gp_margin"]["value"]) == (0.031, None)
    row = by_item["net_profit"]
    assert (row["period_end"], row["published_on"]) == (date(2026, 6, 30), date(2026, 8, 29))
    assert (row["known_on"], row["revision"]) == (date(2026, 8, 30), 0)
    assert row["available_at"] == datetime(2026, 8, 30, 1, 30, tzinfo=ZONE)
    shares = spec.read(RawFloatShares, FIRST, date(2026, 10, 16)).row(0, named=True)
    assert (shares["float_shares"], shares["known_on"]) == (28103763899, date(2026, 8, 30))


def test_a_quarter_that_is_not_published_yet_is_asked_for_again_and_a_published_one_is_not(source, vendor, clock):
    spec = source(securities=("sh600000",), statements=("profit",))
    spec.read(RawStatements, FIRST, date(2026, 10, 16))
    vendor.asked.clear()
    vendor.reports["sh.600000", 2026, 3] = ["2026-10-17", "2026-09-30", "0.05", "0.4", "", "1.0"]
    clock.present += timedelta(days=3)
    raw = spec.read(RawStatements, FIRST, date(2026, 10, 19))
    assert ("profit", "sh.600000", 2026, 3) in vendor.asked
    assert ("profit", "sh.600000", 2026, 2) not in vendor.asked
    assert raw["known_on"].unique().sort().to_list() == [date(2026, 8, 30), date(2026, 10, 18)]


def test_what_was_known_before_the_span_comes_with_its_first_date(source, vendor):
    vendor.reports["sh.600000", 2026, 1] = ["2026-04-29", "2026-03-31", "0.01", "0.4", "", "1.0"]
    raw = source(statements=("profit",)).read(RawStatements, FIRST, FIRST)
    assert raw["known_on"].unique().to_list() == [FIRST]
    assert raw["published_on"].unique().to_list() == [date(2026, 4, 29)]


def test_index_members_are_entries_and_removals_known_the_night_after_the_list(source, vendor):
    vendor.members = {"2026-09-01": ["sh.600000", "sz.300001"], "2026-10-01": ["sz.300001"]}
    spec = source(securities=(), index="hs300")
    found = spec.read(RawIndexMembers, FIRST, date(2026, 10, 16))
    told = found.select("known_on", "index_id", "security_id", "holds").rows()
    assert told == [
        (date(2026, 8, 4), "sh000300", "sh600000", True),
        (date(2026, 9, 2), "sh000300", "sz300001", True),
        (date(2026, 10, 2), "sh000300", "sh600000", False),
    ]
    assert set(spec.read(RawBars, FIRST, date(2026, 10, 16))["security_id"]) == {"sh600000", "sz300001"}


def test_a_list_is_known_from_its_update_where_the_vendor_had_no_older_one(source):
    found = source(industries=True).read(RawIndustries, FIRST, date(2026, 10, 16))
    assert found.select("known_on", "security_id", "industry", "holds").rows() == [
        (date(2026, 9, 8), "sh600000", "J66货币金融服务", True),
        (date(2026, 10, 2), "sh600000", "J66货币金融服务", False),
        (date(2026, 10, 2), "sh600000", "J67", True),
    ]


def test_index_bars(source):
    found = source(index_bars=("sh000300",)).read(RawIndexBars, FIRST, FIRST)
    row = found.row(0, named=True)
    assert (row["index_id"], row["close"], row["prev_close"], row["amount"]) == ("sh000300", 10.2, 10.1, 10100.0)
    assert row["available_at"] == datetime(2026, 8, 3, 18, tzinfo=ZONE)


def test_a_table_that_was_not_asked_for_is_refused(source):
    with pytest.raises(ValueError, match=r"baostock offers \['raw/bars'\], not raw/news"):
        source().read(RawNews, FIRST, FIRST)


def test_deliveries_count_the_bars_of_each_security(source):
    found = source().deliveries()
    assert found.columns == ["delivery", "rows", "status", "reason"]
    assert found["delivery"].to_list() == [f"query_history_k_data_plus {one}" for one in ("sh600000", "sz300001")]
    assert found["rows"].sum() == source().read(RawBars, FIRST, date(2026, 10, 16)).height


def test_without_the_client_the_message_names_the_extra(source, monkeypatch):
    monkeypatch.delitem(sys.modules, "baostock")
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ValueError, match=r"the client 'baostock' is not installed[\s\S]*'\.\[baostock\]'"):
        source().read(RawBars, FIRST, FIRST)


def test_a_sealed_range_is_neither_asked_for_nor_read_before_it_is_opened(source, vendor):
    first, last = date(2026, 9, 1), date(2026, 9, 30)
    spec = source(sealed={"first": first, "last": last})
    assert spec.last_session() == date(2026, 8, 31)
    months = [date(2026, 8, 1), date(2026, 9, 1)]
    closed = spec.digests(RawBars, months)
    assert spec.read(RawBars, FIRST, date(2026, 10, 16))["session"].max() == date(2026, 8, 31)
    opening = Opening(source="baostock", first=first, last=last, reason="the final look", opened_at=datetime.now(ZONE))
    opened = spec.model_copy(update={"openings": (opening,)})
    assert opened.last_session() == date(2026, 10, 16)
    assert opened.read(RawBars, FIRST, date(2026, 10, 16)).equals(source().read(RawBars, FIRST, date(2026, 10, 16)))
    assert opened.digests(RawBars, months)[months[0]] == closed[months[0]]
    assert opened.digests(RawBars, months)[months[1]] != closed[months[1]]
