from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.ex_rights import TERMS, reference_prices

DAY = date(2024, 6, 3)


def references(*rows, session=DAY) -> list[float | None]:
    """The reference price of rows of last close, cash, bonus, rights and rights price."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys(TERMS, pl.Float64), orient="row")
    return reference_prices(frame.with_columns(session=pl.lit(session, dtype=pl.Date)))["reference_price"].to_list()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # 10,000 shares at 10 yuan: 3,000 for nothing, 1,000 bought at 5, 2,000 yuan of cash: 103,000 over 14,000
        ((10, 0.2, 0.3, 0.1, 5), 7.36),
        ((10, 0, 0, 0, 0), 10.0),
        ((10, 0.5, 0, 0, 0), 9.5),
        ((10, 0, 1, 0, 0), 5.0),
        ((10.01, 0, 1, 0, 0), 5.01),  # 5.005 exactly, which as a float lies below
        ((10.05, 0, 1, 0, 0), 5.03),  # 5.025 exactly, which banker's rounding puts at 5.02
        ((2.3, 0.005, 0, 0, 0), 2.3),  # 2.295
        ((8.0, 0.0049999, 0, 0, 0), 8.0),
        ((8.0, 0.0050001, 0, 0, 0), 7.99),
        ((12, 0, 0, 0.3, 15), 12.69),  # a rights issue above the close raises it
        ((1.23, 0, -0.8, 0, 0), 6.15),  # five shares become one
    ],
)
def test_examples_worked_by_hand(row, expected):
    assert references(row) == [expected]


CENTS = st.integers(1, 500_000).map(lambda cents: Decimal(cents) / 100)
SMALL = st.integers(0, 3 * 10**8).map(lambda parts: Decimal(parts) / 10**8)
HALVES = st.integers(0, 200).map(lambda parts: Decimal(parts) / 200)
SHARES = st.one_of(SMALL, st.sampled_from([Decimal(text) for text in ("0", "0.3", "0.5", "1", "-0.8", "0.45")]))
ROWS = st.tuples(CENTS, st.one_of(SMALL, HALVES), SHARES, st.one_of(st.just(Decimal(0)), SMALL), CENTS)


def by_decimals(close: Decimal, cash: Decimal, bonus: Decimal, rights: Decimal, price: Decimal) -> float | None:
    exact = (close - cash + price * rights) / (1 + bonus + rights)
    rounded = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return float(rounded) if rounded > 0 else None


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=60))
def test_reference_prices_equal_those_of_decimal_arithmetic_to_the_bit(rows):
    assert references(*(tuple(map(float, row)) for row in rows)) == [by_decimals(*row) for row in rows]


def test_what_is_not_known_or_leaves_nothing_gives_no_price():
    nothing = [(5, 5, 0, 0, 0), (5, 6, 0, 0, 0), (5, 4.996, 0, 0, 0), (5, 0, -1, 0, 0), (5, 0, -2, 0, 0)]
    unknown = [(None, 0, 0, 0, 0), (5, 0, None, 0, 0), (5, float("nan"), 0, 0, 0), (float("inf"), 0, 0, 0, 0)]
    assert references(*nothing, *unknown) == [None] * 9
    assert references((5, 0, 0, 0, 0), session=date(1990, 12, 19)) == [None]


def test_rows_keep_their_order_and_their_columns():
    frame = pl.DataFrame(
        {"security_id": ["b", "a"], "session": DAY, **{name: [1.0, 2.0] for name in TERMS}, "rights_price": [0.5, 1.0]}
    )
    found = reference_prices(frame)
    assert found.drop("reference_price").equals(frame)
    assert found["reference_price"].to_list() == [0.17, 0.4]
