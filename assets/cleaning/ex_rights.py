"""Ex-rights: the reference price that the exchange sets when a dividend, new shares or a rights issue go off.

It is (last close - cash + rights price * rights) / (1 + bonus + rights), rounded half up to a tick and computed in
integers: 10.01 over two shares is 5.01, where a float would say 5.00.
"""

from __future__ import annotations

import polars as pl

from assets.cleaning.rule_book import look_up

ONE = 10**8
"""Parts of a yuan and of a share in which amounts are counted; finer ones are rounded to them."""
TERMS = ("last_close", "cash_per_share", "bonus_per_share", "rights_per_share", "rights_price")


def reference_prices(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `reference_price` in yuan, which stands in the place of the last close on the ex-date.

    frame    columns session (the ex-date), last_close (yuan) and, for each share held before: cash_per_share (yuan
             before tax), bonus_per_share (new shares for nothing; -0.8 where five become one), rights_per_share (new
             shares that are paid for) and rights_price (yuan for one of them); 0 where there is none
    returns  the same rows in their order; null where a cell is null or not finite, before the rule book's first tick,
             and where no whole tick or no share is left
    source   trading rules of the exchanges, on ex-rights and ex-dividends; the shares are those by which the float
             changes, so a rights issue that was taken up in part counts with that part
    """
    ticked = look_up(frame, "tick_size")
    close, cash, bonus, rights, price = (_parts(name) for name in TERMS)
    worth = (close - cash) * ONE + price * rights
    shares = pl.lit(ONE, dtype=pl.Int128) + bonus + rights
    ticks = _half_up(worth, shares * _parts("tick_size"))
    found = (ticks.cast(pl.Float64) * pl.col("tick_size")).round(8)
    is_left = (shares > 0) & (ticks > 0)
    return ticked.with_columns(reference_price=pl.when(is_left).then(found)).select(*frame.columns, "reference_price")


def _parts(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Float64) * ONE).round().cast(pl.Int128, strict=False)


def _half_up(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """The whole number nearest to a ratio, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
