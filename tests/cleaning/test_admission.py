import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.admission import judged
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars

DAY = date(2015, 6, 1)
SESSIONS = pl.Series([date(2015, 6, 1), date(2015, 6, 2)])


def row(**changes: object) -> dict[str, object]:
    good = {
        "session": DAY,
        "security_id": "sh600000",
        "board": "main",
        "listed_on": date(2000, 1, 4),
        "is_st": False,
        "is_suspended": False,
        "open": 10.0,
        "high": 10.5,
        "low": 9.8,
        "close": 10.2,
        "volume": 1000.0,
        "amount": 10_100.0,
        "prev_close": 10.1,
        "adj_factor": 1.5,
        "available_at": pl.select(pl.datetime(2015, 6, 1, 16, time_zone=EXCHANGE_TIME_ZONE)).item(),
        "delivery": "a.csv",
        "is_unreformed": None,
        "source_objection": None,
    }
    return good | changes


def verdicts(*rows: dict[str, object]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in RawBars.columns().items()}
    return judged(pl.DataFrame(list(rows), schema=schema), SESSIONS)


SUSPENDED = dict(is_suspended=True, open=None, high=None, low=None, close=None, volume=0.0, amount=0.0, adj_factor=None)

BROKEN = [
    (dict(security_id=None), "missing_key", "security_id missing, session 2015-06-01"),
    (dict(session=None), "missing_key", "session missing"),
    (dict(source_objection="factor disagrees"), "source_objection", "factor disagrees"),
    (dict(board="nasdaq"), "unknown_board", "board of sh600000 is nasdaq; it must be one of main, chinext, star, bse"),
    (dict(board=None), "unknown_board", "board of sh600000 is missing"),
    (dict(session=date(2015, 6, 6)), "not_a_session", "2015-06-06 is no session"),
    (
        dict(listed_on=date(2015, 6, 2)),
        "before_listing",
        "2015-06-01 lies before the listing of sh600000 on 2015-06-02",
    ),
    (dict(session=None, source_objection="'?' is no date"), "missing_key", "'?' is no date"),
    (dict(security_id="x" * 1000, board=None), "unknown_board", f"board of {'x' * 80} is missing"),
    (dict(available_at=None), "missing_available_at", "available_at is missing"),
    (dict(is_st=None), "missing_flag", "is_st is missing, is_suspended is false"),
    (dict(open=None), "missing_price", "open missing or no number, high 10.5"),
    (dict(close=math.nan), "missing_price", "close missing"),
    (dict(high=math.inf), "missing_price", "high missing"),
    (dict(prev_close=None), "missing_price", "prev_close missing"),
    (dict(low=0.0), "non_positive_price", "low 0.0"),
    (dict(prev_close=-1.0), "non_positive_price", "prev_close -1.0"),
    (
        dict(low=0.004),
        "impossible_price",
        "low 0.004, close 10.2, prev_close 10.1; prices must lie from 0.01 to 1000000",
    ),
    (dict(prev_close=1e20), "impossible_price", "prev_close 1e+20"),
    (SUSPENDED | dict(prev_close=1e20), "impossible_price", "prev_close 1e+20"),
    (dict(high=9.0), "high_below_low", "high 9.0 is below low 9.8"),
    (dict(open=9.7), "outside_range", "open 9.7 or close 10.2 lies outside low 9.8 to high 10.5"),
    (dict(close=10.6), "outside_range", "close 10.6"),
    (dict(volume=0.0), "no_volume", "volume 0.0"),
    (dict(amount=None), "no_volume", "amount missing"),
    (SUSPENDED | dict(volume=5.0), "suspended_with_volume", "suspended, but volume 5.0"),
    (dict(amount=10_506.0), "vwap_outside_range", "amount 10506.0 / volume 1000.0 lies outside low 9.8 to high 10.5"),
    (dict(adj_factor=None), "bad_adj_factor", "adj_factor is missing"),
    (dict(adj_factor=0.0), "bad_adj_factor", "adj_factor is 0.0"),
    (dict(adj_factor=1e9), "bad_adj_factor", "it must be above 0 and at most 1000000"),
]


@pytest.mark.parametrize(("changes", "rule", "found"), BROKEN)
def test_a_broken_row_is_refused_by_its_rule_with_the_values_found(changes, rule, found):
    refused = verdicts(row(**changes))
    assert refused["rule"].item() == rule
    assert found in refused["reason"].item()


FINE = [
    {},
    SUSPENDED,
    SUSPENDED | dict(prev_close=None),
    SUSPENDED | dict(volume=None, amount=None),
    dict(prev_close=None, listed_on=DAY),
    dict(listed_on=None),
    dict(amount=10_504.0),
    dict(open=10.0, high=10.0, low=10.0, close=10.0, amount=10_000.0),
]


@pytest.mark.parametrize("changes", FINE)
def test_a_sound_row_is_kept(changes):
    assert verdicts(row(**changes)).select("rule", "reason").row(0) == (None, None)


def test_of_identical_rows_the_first_known_is_kept():
    later = pl.select(pl.datetime(2015, 6, 1, 20, time_zone=EXCHANGE_TIME_ZONE)).item()
    found = verdicts(row(delivery="late.csv", available_at=later), row(delivery="early.csv"), row(delivery="twin.csv"))
    kept = found.filter(pl.col("rule").is_null())
    assert kept["delivery"].to_list() == ["early.csv"]
    assert found.filter(pl.col("rule") == "duplicate")["delivery"].to_list() == ["late.csv", "twin.csv"]
    assert "twin.csv" in found["reason"].to_list()[-1]


def test_rows_that_contradict_each_other_are_all_refused():
    found = verdicts(row(), row(), row(close=10.3), row(session=date(2015, 6, 2)))
    assert found["rule"].to_list() == [None, "contradiction", "contradiction", "contradiction"]
    assert "close 10.3" in found["reason"].to_list()[-1]


def test_a_traded_and_a_suspended_row_for_one_session_contradict_each_other():
    assert verdicts(row(), row(**SUSPENDED))["rule"].to_list() == ["contradiction", "contradiction"]


@pytest.mark.parametrize("changes", [changes for changes, _, _ in BROKEN if "session" not in changes])
def test_a_row_that_cannot_be_true_contradicts_nothing(changes):
    found = verdicts(row(**changes), row(), row(delivery="twin.csv"))
    assert found["rule"].to_list()[0] is None
    assert sorted(found["rule"].to_list()[1:]) == sorted(["duplicate", verdicts(row(**changes))["rule"].item()])


def test_rows_in_several_pieces_are_judged_as_in_one():
    schema = {name: column.dtype for name, column in RawBars.columns().items()}
    days = (date(2015, 6, 1), date(2015, 6, 2))
    pieces = [pl.DataFrame([row(board=board, session=day) for day in days], schema=schema) for board in (None, "main")]
    whole = pl.concat(pieces, rechunk=True)
    for order in (pieces, pieces[::-1]):
        found = judged(pl.concat(order, rechunk=False), SESSIONS)
        assert found.sort("reason").equals(judged(whole, SESSIONS).sort("reason"))


def test_refused_rows_come_in_their_order():
    found = verdicts(row(close=10.3), row(volume=0.0), row(), row(open=None))
    assert found["rule"].to_list() == ["contradiction", "no_volume", "contradiction", "missing_price"]


def test_rows_without_a_key_are_no_duplicates():
    assert verdicts(row(session=None), row(session=None))["rule"].to_list() == ["missing_key", "missing_key"]


DAMAGE = [changes for changes, _, _ in BROKEN] + FINE + [dict(session=date(2015, 6, 2)), dict(security_id="sz000001")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(DAMAGE), max_size=3), max_size=12))
def test_every_raw_row_is_kept_or_refused_and_never_both(damages):
    rows = []
    for number, damage in enumerate(damages):
        changed: dict[str, object] = {}
        for one in damage:
            changed |= one
        rows.append(row(**changed, delivery=str(number)))
    found = verdicts(*rows)
    kept, refused = found.filter(pl.col("rule").is_null()), found.filter(pl.col("rule").is_not_null())
    assert sorted([*kept["delivery"], *refused["delivery"]]) == sorted(str(n) for n in range(len(rows)))
    assert refused["reason"].null_count() == 0
    assert kept["reason"].null_count() == kept.height
    assert not kept.select("security_id", "session").is_duplicated().any()


def test_which_copy_stays_does_not_depend_on_the_order_of_the_rows():
    copies = [row(delivery="b.csv"), row(delivery="a.csv"), row(delivery="c.csv")]
    for rows in (copies, copies[::-1]):
        found = verdicts(*rows)
        assert found.filter(pl.col("rule").is_null())["delivery"].to_list() == ["a.csv"]
        assert found.filter(rule="duplicate").height == 2
