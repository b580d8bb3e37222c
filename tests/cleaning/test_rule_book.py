import itertools
from datetime import date, time, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning import rule_book as subject
from assets.cleaning.rule_book import RULES, abnormal_fluctuation, checked, exchange, look_up, rule_book

PLACES = {"main": ("sse", "szse"), "chinext": ("szse",), "star": ("sse",), "bse": ("bse",)}


def case(board="main", where="sse", is_st=False, phase="ordinary", session=date(2015, 6, 1)):
    return pl.DataFrame({"board": [board], "exchange": [where], "is_st": [is_st], "phase": [phase], "session": session})


def said(rule, **of_case):
    found = look_up(case(**of_case), rule)
    return tuple(found.row(0)[5:])


def written():
    return pl.read_csv(Path(subject.__file__).with_suffix(".csv"), infer_schema=False)


# ---- the file


def test_the_file_holds_every_rule_and_each_row_its_source():
    book = rule_book()
    assert set(book["rule"]) == set(RULES)
    assert book["source"].null_count() == 0
    assert book["confirmed"].null_count() == 0


def test_what_is_only_general_knowledge_is_not_confirmed():
    known = pl.col("source").str.starts_with("general knowledge") | pl.col("note").str.contains("general knowledge")
    doubtful = rule_book().filter(known & pl.col("confirmed"))
    # of these the value was read, and a side remark was not
    assert doubtful["rule"].to_list() == ["afternoon", "deviation_3d"]


def test_the_tick_is_a_cent_as_the_limits_assume():
    assert set(rule_book().filter(pl.col("rule") == "tick_size")["value"]) == {"0.01"}


def row(**changed):
    plain = {
        "rule": "lot_step",
        "board": None,
        "exchange": None,
        "is_st": None,
        "phase": None,
        "from": "2000-01-01",
        "until": None,
        "value": "1",
        "low": None,
        "high": None,
        "unit": "shares",
        "confirmed": "true",
        "note": None,
        "source": "a text",
    }
    return {**plain, **changed}


def book_of(*rows):
    return pl.DataFrame(rows, schema=dict.fromkeys(row(), pl.String))


REFUSED = [
    ([row(rule="lot_stop")], "no such rule"),
    ([row(board="neeq")], "board is neeq"),
    ([row(exchange="nyse")], "exchange is nyse"),
    ([row(phase="ordinary")], "phase is ordinary"),
    ([row(unit="percent")], r"unit is percent; allowed is \['shares'\]"),
    ([row(value=None)], r"fill \['value'\]"),
    ([row(low="1")], r"fill \['value'\] and nothing else; low is 1"),
    ([row(source=None)], "states its source"),
    ([row(value="unknown")], "an unknown its reason"),
    ([row(confirmed=None)], "confirmed is None"),
    ([row(**{"from": "2001-01-01"}, until="2000-12-31")], "holds from 2001-01-01 until 2000-12-31"),
    ([row(), row(board="main", **{"from": "2005-01-01"})], "lines 2 and 3 both hold on 2005-01-01"),
    ([row(until="2005-01-01"), row(**{"from": "2005-01-01"})], "both hold on 2005-01-01"),
    ([row(until="2004-12-30"), row(**{"from": "2005-01-01"})], "says nothing for .* from 2004-12-31"),
    ([row(until="2004-12-30")], "line 2 ends on 2004-12-30 and nothing follows"),
    ([row(is_st="true"), row(is_st="false", until="2004-12-30")], "line 3 ends on 2004-12-30"),
]


@pytest.mark.parametrize(("rows", "message"), REFUSED)
def test_a_book_that_contradicts_itself_or_leaves_a_gap_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        checked(book_of(*rows))


@pytest.mark.parametrize("changed", [{"from": "1.1.2000"}, {"value": "many"}, {"is_st": "yes"}])
def test_a_cell_of_the_wrong_type_is_refused(changed):
    with pytest.raises(ValueError, match="a cell that is not of its column or unit"):
        checked(book_of(row(**changed)))


def test_rows_that_say_none_or_unknown_close_a_gap():
    rows = [row(until="2004-12-31"), row(value="unknown", note="why", until="2009-12-31", **{"from": "2005-01-01"})]
    assert checked(book_of(*rows, row(value="none", **{"from": "2010-01-01"}))).height == 3


def test_rows_of_different_scopes_do_not_overlap():
    assert checked(book_of(row(board="main"), row(board="star"))).height == 2


# ---- look-up


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_row_holds_from_its_first_to_its_last_day_and_on_no_other(rule):
    rows = written().filter(pl.col("rule") == rule)
    for line in rows.iter_rows(named=True):
        board = line["board"] or {"szse": "main", "bse": "bse"}.get(line["exchange"], "main")
        where = line["exchange"] or PLACES[board][0]
        scope = dict(board=board, where=where, is_st=line["is_st"] == "true", phase=line["phase"] or "ordinary")
        cells = [line[name] for name in RULES[rule].cells]
        first = date.fromisoformat(line["from"])
        last = date.fromisoformat(line["until"]) if line["until"] else date(2100, 1, 1)
        inside = [said(rule, session=day, **scope) for day in (first, last)]
        assert inside[0] == inside[1] == tuple(as_read(cell, RULES[rule].unit) for cell in cells)
        before = rows.filter(pl.col("until") == (first - timedelta(days=1)).isoformat())
        if before.is_empty():
            assert said(rule, session=first - timedelta(days=1), **scope) == (None,) * len(cells)


def as_read(cell, unit):
    if cell in ("none", "unknown"):
        return None
    if unit == "clock time":
        return time.fromisoformat(cell)
    return {"percent": int, "sessions": int, "ticks": int, "shares": int, "times": int}.get(
        unit, str if unit in ("index", "month and day") else float
    )(cell)


@settings(max_examples=60, deadline=None)
@given(
    rule=st.sampled_from(sorted(RULES)),
    cases=st.lists(
        st.tuples(
            st.sampled_from(sorted(PLACES)),
            st.integers(0, 1),
            st.booleans(),
            st.sampled_from(["ordinary", "listing", "delisting", "delisting_first", "held_longer", "annual"]),
            st.dates(date(1990, 1, 1), date(2030, 1, 1)),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_a_look_up_finds_the_one_row_that_fits_by_hand(rule, cases):
    rows = written().filter(pl.col("rule") == rule).rows(named=True)
    asked = [
        {
            "board": board,
            "exchange": PLACES[board][place % len(PLACES[board])],
            "is_st": is_st,
            "phase": phase,
            "session": day,
        }
        for board, place, is_st, phase, day in cases
    ]
    found = look_up(pl.DataFrame(asked), rule)
    assert found.select("board", "exchange", "is_st", "phase", "session").to_dicts() == asked
    for of_case, answer in zip(asked, found.rows(), strict=True):
        fitting = [line for line in rows if fits(line, of_case)]
        assert len(fitting) <= 1
        cells = [fitting[0][name] for name in RULES[rule].cells] if fitting else ["none"] * len(RULES[rule].cells)
        assert list(answer[5:]) == [as_read(cell, RULES[rule].unit) for cell in cells]


def fits(line, of_case):
    written_as = {**of_case, "is_st": str(of_case["is_st"]).lower()}
    scope = all(line[name] in (None, written_as[name]) for name in ("board", "exchange", "is_st", "phase"))
    return scope and line["from"] <= of_case["session"].isoformat() <= (line["until"] or "9999")


def test_rows_keep_their_order_and_repeated_cases_their_answers():
    days = [date(2020, 8, 24), date(2012, 1, 4), date(2020, 8, 24), date(2005, 1, 4)]
    scope = {"board": "chinext", "exchange": "szse", "is_st": False, "phase": "ordinary"}
    frame = pl.DataFrame({"session": days, **scope, "mark": range(4)})
    found = look_up(frame, "price_band")
    assert found["mark"].to_list() == [0, 1, 2, 3]
    assert found["price_band_high"].to_list() == [20, 10, 20, None]


@pytest.mark.parametrize("rule", ["price_band", "afternoon", "deviation_3d", "handling_fee"])
def test_neighbouring_days_and_scopes_are_not_taken_for_one_another(rule):
    days = [date(2020, 8, 10) + timedelta(days=number) for number in range(25)]
    scopes = itertools.product(
        PLACES, ("sse", "szse", "bse"), (False, True), ("ordinary", "listing", "delisting"), days
    )
    names = ["board", "exchange", "is_st", "phase", "session"]
    frame = pl.DataFrame(list(scopes), schema=names, orient="row")
    together = look_up(frame, rule)
    rows = written().filter(pl.col("rule") == rule).rows(named=True)
    for of_case, answer in zip(frame.to_dicts(), together.rows(), strict=True):
        fitting = next((line for line in rows if fits(line, of_case)), dict.fromkeys(RULES[rule].cells, "none"))
        assert list(answer[5:]) == [as_read(fitting[name], RULES[rule].unit) for name in RULES[rule].cells]


def test_missing_dates_and_boards_that_the_book_does_not_know_find_nothing():
    frame = pl.DataFrame({"session": [None, date(2020, 1, 2), date(2020, 1, 2)], "board": ["main", "neeq", None]})
    assert look_up(frame, "lot_step")["lot_step"].to_list() == [None] * 3


def test_an_empty_frame_stays_empty():
    frame = pl.DataFrame(schema={"session": pl.Date, "board": pl.String})
    assert look_up(frame, "lot_step", "lot_minimum").columns == ["session", "board", "lot_step", "lot_minimum"]


def test_a_rule_that_is_not_in_the_book_and_a_column_that_decides_are_named():
    with pytest.raises(KeyError, match="no rule lot_stop"):
        look_up(case(), "lot_stop")
    with pytest.raises(ValueError, match=r"price_band depend on .*; the frame lacks \['phase'\]"):
        look_up(case().drop("phase"), "price_band")


def test_the_mark_says_whether_a_source_was_read():
    boards = pl.DataFrame({"session": date(2022, 1, 4), "board": ["star", "main", "neeq"]})
    marks = look_up(boards, "lot_cap_limit", confirmed=True)["lot_cap_limit_confirmed"]
    assert marks.to_list() == [True, False, None]


def test_the_exchange_follows_from_code_and_board():
    frame = pl.DataFrame(
        {
            "security_id": ["sh600000", "sz000001", "sz300001", "000", "sh688001", "bj430001"],
            "board": ["main", "main", "chinext", "chinext", "star", "bse"],
        }
    )
    assert frame.select(exchange()).to_series().to_list() == ["sse", "szse", "szse", "szse", "sse", "bse"]


# ---- what the rules say

HOURS = [
    (dict(session=date(2018, 8, 17)), "closing_call", (None, None)),
    (dict(session=date(2018, 8, 17)), "afternoon", (time(13), time(15))),
    (dict(session=date(2018, 8, 20)), "closing_call", (time(14, 57), time(15))),
    (dict(session=date(2018, 8, 20)), "afternoon", (time(13), time(14, 57))),
    (dict(session=date(2006, 7, 3), where="szse"), "closing_call", (time(14, 57), time(15))),
    (dict(session=date(2010, 1, 4), where="szse", board="chinext"), "opening_call", (time(9, 15), time(9, 25))),
    (dict(session=date(2026, 7, 3)), "after_hours", (None, None)),
    (dict(session=date(2026, 7, 6)), "after_hours", (time(15, 5), time(15, 30))),
    (dict(session=date(2020, 1, 6), board="star"), "after_hours", (time(15, 5), time(15, 30))),
    (dict(session=date(1994, 12, 30)), "settlement_sessions", (None,)),
    (dict(session=date(1995, 1, 3)), "settlement_sessions", (1,)),
    (dict(session=date(2020, 12, 30)), "delisting_sessions", (30,)),
    (dict(session=date(2020, 12, 31)), "delisting_sessions", (15,)),
    (dict(session=date(2014, 1, 6), phase="listing"), "opening_call_range", (-20, 20)),
    (dict(session=date(2024, 1, 6), phase="annual"), "report_deadline", ("04-30",)),
    (dict(session=date(2024, 1, 6), where="szse"), "handling_fee", (0.0000341,)),
]


@pytest.mark.parametrize(("of_case", "rule", "expected"), HOURS)
def test_hours_settlement_and_deadlines_are_those_of_their_day(of_case, rule, expected):
    assert said(rule, **of_case) == expected


def test_hours_and_settlement_agree_with_an_independent_book():
    marina = pytest.importorskip("marina_rules", reason="the independent rule book is not installed")
    for day in (date(2006, 7, 3), date(2018, 8, 17), date(2018, 8, 20), date(2026, 7, 6)):
        assert said("settlement_sessions", session=day)[0] == marina.rule_at("min_holding_days", day.isoformat())
        assert said("tick_size", session=day)[0] == marina.rule_at("tick_size", day.isoformat())
        for where, market in (("sse", "XSHG"), ("szse", "XSHE")):
            theirs = marina.rule_at("session_schedule", day.isoformat(), market=market)
            ours = {rule: said(rule, session=day, where=where) for rule in ("opening_call", "closing_call")}
            assert ours["opening_call"] == clock(theirs["open_call"])
            assert ours["closing_call"] == clock(theirs["close_call"])
            traded = [said(rule, session=day, where=where) for rule in ("morning", "afternoon")]
            assert traded == [clock(hours) for hours in theirs["continuous"]]


def clock(hours):
    return tuple(time.fromisoformat(hour) for hour in hours) if hours else (None, None)


def thresholds(board, session, is_st=False):
    frame = pl.DataFrame({"session": [session], "board": [board], "is_st": [is_st], "mark": [7]})
    return abnormal_fluctuation(frame).row(0, named=True)


DEVIATIONS = [
    ("main", date(2015, 6, 1), False, 0.20),
    ("main", date(2015, 6, 1), True, 0.15),
    ("main", date(2026, 4, 16), True, 0.12),
    ("main", date(2026, 7, 3), True, 0.12),
    ("main", date(2026, 7, 6), True, 0.20),
    ("chinext", date(2020, 8, 21), False, 0.20),
    ("chinext", date(2020, 8, 24), True, 0.30),
    ("star", date(2019, 7, 22), False, 0.30),
    ("bse", date(2021, 11, 15), False, 0.40),
]


@pytest.mark.parametrize(("board", "session", "is_st", "expected"), DEVIATIONS)
def test_the_deviation_of_three_sessions_is_that_of_board_day_and_treatment(board, session, is_st, expected):
    found = thresholds(board, session, is_st)
    assert (found["deviation_3d_low"], found["deviation_3d_high"]) == (-expected, expected)


def test_severe_criteria_and_turnover_stand_beside_it():
    main = thresholds("main", date(2026, 4, 16))
    assert (main["deviation_10d_low"], main["deviation_10d_high"]) == (-0.5, 1.0)
    assert (main["deviation_30d_low"], main["deviation_30d_high"]) == (-0.7, 2.0)
    assert (main["same_direction_10d"], main["turnover_3d"], main["turnover_multiple"]) == (4, 0.2, 30)
    star = thresholds("star", date(2026, 4, 16))
    assert (star["same_direction_10d"], star["turnover_3d"], star["turnover_multiple"]) == (3, None, None)


def test_a_criterion_that_does_not_hold_yet_is_null():
    early = thresholds("main", date(2015, 6, 1))
    assert early["deviation_10d_high"] is early["same_direction_10d"] is None
    assert early["mark"] == 7


def test_thresholds_that_nobody_read_are_marked():
    assert thresholds("star", date(2026, 4, 16))["abnormal_fluctuation_confirmed"] is True
    assert thresholds("main", date(2026, 7, 6), True)["abnormal_fluctuation_confirmed"] is False
    assert thresholds("bse", date(2026, 4, 16))["abnormal_fluctuation_confirmed"] is False
