from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.cleaning.dividend_tax import dividend_tax, holding_edges, taxes_by_session


def taxed(bought_on, sold_on, session=date(2014, 2, 5)):
    frame = pl.DataFrame({"session": [session], "bought_on": [bought_on], "sold_on": [sold_on]})
    return dividend_tax(frame)["dividend_tax"][0]


HOLDINGS = [
    (date(2014, 1, 8), date(2014, 2, 8), 0.20),  # held to 2014-02-07: one month
    (date(2014, 1, 8), date(2014, 2, 9), 0.10),
    (date(2014, 1, 8), date(2015, 1, 8), 0.10),
    (date(2014, 1, 8), date(2015, 1, 9), 0.05),
    (date(2014, 1, 31), date(2014, 2, 28), 0.20),
    (date(2014, 1, 31), date(2014, 3, 1), 0.10),
]


@pytest.mark.parametrize(("bought_on", "sold_on", "expected"), HOLDINGS)
def test_the_tax_on_a_dividend_falls_with_the_months_held(bought_on, sold_on, expected):
    assert taxed(bought_on, sold_on) == expected


def test_the_tax_on_a_dividend_is_that_of_its_record_date():
    long_held = dict(bought_on=date(2010, 1, 4), sold_on=date(2016, 1, 4))
    days = [date(2012, 12, 31), date(2013, 1, 4), date(2015, 9, 7), date(2015, 9, 8)]
    assert [taxed(**long_held, session=day) for day in days] == [0.10, 0.05, 0.05, 0.0]
    brief = dict(bought_on=date(2012, 12, 20), sold_on=date(2013, 1, 7))
    assert [taxed(**brief, session=day) for day in (date(2012, 12, 28), date(2013, 1, 4))] == [0.10, 0.20]


@given(
    bought_on=st.dates(date(2013, 1, 1), date(2020, 1, 1)),
    days=st.tuples(st.integers(1, 900), st.integers(1, 900)),
)
def test_who_holds_longer_never_pays_more(bought_on, days):
    rows = [bought_on + timedelta(days=held) for held in sorted(days)]
    frame = pl.DataFrame({"session": bought_on, "bought_on": bought_on, "sold_on": rows})
    first, second = dividend_tax(frame)["dividend_tax"]
    assert first >= second


def test_shares_that_are_not_sold_yet_owe_nothing_known_and_a_sale_on_the_same_day_is_refused():
    assert taxed(date(2014, 1, 8), None) is None
    with pytest.raises(ValueError, match="sold on 2014-01-08 what was bought on 2014-01-08"):
        taxed(date(2014, 1, 8), date(2014, 1, 8))


def test_arrays_of_the_tax_say_what_the_table_says():
    sessions = [date(2012, 12, 31), date(2013, 1, 4), date(2015, 9, 7), date(2015, 9, 8)]
    period_T, rows_PH = taxes_by_session(sessions)
    assert [rows_PH[period].tolist() for period in period_T] == [
        [0.1, 0.1, 0.1],
        [0.2, 0.1, 0.05],
        [0.2, 0.1, 0.05],
        [0.2, 0.1, 0.0],
    ]


def test_the_edges_of_a_holding_are_the_last_sessions_within_a_month_and_a_year():
    sessions = [date(2014, 1, 31), date(2014, 2, 28), date(2014, 3, 3), date(2015, 1, 30), date(2015, 2, 2)]
    month_T, year_T = holding_edges(sessions)
    assert month_T.tolist() == [1, 2, 2, 4, 4]
    assert year_T.tolist() == [3, 4, 4, 4, 4]
    for bought, opened in enumerate(sessions[:-1]):
        for sold, left in enumerate(sessions[bought + 1 :], bought + 1):
            phase = 0 if sold <= month_T[bought] else 1 if sold <= year_T[bought] else 2
            assert taxed(opened, left, date(2014, 1, 31)) == [0.2, 0.1, 0.05][phase]
