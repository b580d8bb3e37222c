"""Orders: whether every order and fill of a simulated portfolio could have been had on the exchange as it was.

`orders` looks at what was filled, held and paid; `refusals` at what had to be refused. Both read plain tables: bars,
the orders, and what was held, and share no step with the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from expectations.evidence import EXECUTION
from expectations.rules import rule

HALF_A_CENT = 0.005
TICK = 0.01
USUAL_SESSIONS = 20
BASE_MAY_LAG = 3e-5
"""Share by which adjustment factors may move before shares are adjusted."""
REFERENCE_IS_ROUNDED = 0.01
"""Share by which new shares may lie above what the ex-right reference, in whole cents, says of them."""
PLACE = "_place"
AT = ("is_suspended", "is_locked_up", "is_locked_down", "open", "high", "low", "close", "limit_up", "limit_down")


@dataclass(frozen=True)
class Terms:
    """What an experiment states of its trading.

    price          column of Bars at which orders fill
    hold_sessions  sessions from entry to the planned exit; null where positions end otherwise
    participation  largest share of the usual volume; null: all
    capital        yuan at the start
    strict         whether what closes at its limit is refused too
    """

    price: str
    hold_sessions: int | None
    participation: float | None
    capital: float
    strict: bool


@dataclass(frozen=True)
class Books:
    """What a simulation says it did: rows of Orders, of Positions and of PortfolioDaily."""

    orders: pl.DataFrame
    positions: pl.DataFrame
    daily: pl.DataFrame


def orders(books: Books, decided: pl.DataFrame, bars: pl.DataFrame, lots: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """By rule, how many orders, holdings and days nobody could have had.

    decided  session and security_id of every forecast
    bars     rows of Bars, with the sessions before the first order
    lots     session, board, lot_minimum and lot_step
    returns  EXECUTION; a rule that met no row shows nothing, and fails. Left out is what cannot occur: rules on sales
             where no session is as late as the first planned one, those on targets and on delistings where there are
             none, and that on volume without a cap. What ends at the last close of a delisted name is no fill
    """
    dated = _at_bars(books.orders, bars, terms.price)
    fills = dated.filter(pl.col("shares") > 0, _reason("delisted").not_())
    buys, sales = fills.filter(side="buy"), fills.filter(side="sell")
    rows = [
        *_of_decisions(dated, decided, bars),
        *_of_bars(fills, buys, terms),
        rule("bought shares are whole lots of their board and day", _with_lots(buys, lots), _IN_LOTS),
        *_of_volume(fills, bars, terms),
        *_of_sales(sales, dated, terms),
        *_of_ends(dated),
        *_of_holdings(books, bars),
        *_of_money(books, terms.capital),
    ]
    return pl.DataFrame(rows, schema=EXECUTION)


def refusals(placed: pl.DataFrame, bars: pl.DataFrame, terms: Terms, *, with_sales: bool = True) -> pl.DataFrame:
    """By rule, how many orders were filled that had to be refused; for a market in which each refusal is met.

    placed      rows of Orders
    bars        rows of Bars that they were made on
    with_sales  whether sales can occur
    returns     EXECUTION; a rule that met no order shows nothing, and fails
    """
    dated = _at_bars(placed, bars, terms.price).filter(_reason("delisted").not_())
    met = {
        "a locked upper limit refuses a buy": ("buy", pl.col("is_locked_up")),
        "a suspension refuses a buy": ("buy", pl.col("is_suspended")),
        "a buy without a bar is refused": ("buy", pl.col("is_suspended").is_null()),
        "a locked lower limit refuses a sale": ("sell", pl.col("is_locked_down")),
        "a suspension refuses a sale": ("sell", pl.col("is_suspended")),
        "a sale without a bar is refused": ("sell", pl.col("is_suspended").is_null()),
    }
    rows = [
        rule(name, dated.filter(state, side=side), pl.col("shares") == 0)
        for name, (side, state) in met.items()
        if with_sales or side == "buy"
    ]
    return pl.DataFrame(rows, schema=EXECUTION)


def sales_can_occur(placed: pl.DataFrame, terms: Terms) -> bool:
    """Whether a session of the orders is as late as the first planned sale."""
    return terms.hold_sessions is None or placed["session"].n_unique() > terms.hold_sessions


def _of_decisions(dated: pl.DataFrame, decided: pl.DataFrame, bars: pl.DataFrame) -> list[dict[str, object]]:
    known = decided.select("session", "security_id").unique().join(_calendar(bars), on="session").drop("session")
    known = known.with_columns(pl.col(PLACE) + 1, is_decided=pl.lit(value=True))
    buys = dated.filter(side="buy").join(known, on=[PLACE, "security_id"], how="left", maintain_order="left")
    return [rule("a buy comes in the session after a forecast of its name", buys, pl.col("is_decided"))]


def _of_bars(fills: pl.DataFrame, buys: pl.DataFrame, terms: Terms) -> list[dict[str, object]]:
    price, stated = pl.col("price"), pl.col("_stated")
    plain = fills.filter(_reason("take_profit").not_())
    no_better = (
        pl.when(pl.col("side") == "buy").then(price >= stated - HALF_A_CENT).otherwise(price <= stated + HALF_A_CENT)
    )
    within = price.is_between(pl.col("low") - HALF_A_CENT, pl.col("high") + HALF_A_CENT)
    rows = [
        rule("a fill has a bar with trading", fills, pl.col("is_suspended").not_()),
        rule("a fill lies between the low and the high of its bar", fills, within),
        rule(f"a fill is no better than the {terms.price} of its session", plain, no_better),
        rule("no buy fills at a locked upper limit", buys, pl.col("is_locked_up").not_()),
    ]
    if terms.strict:
        below = (pl.max_horizontal("close", "_stated") < pl.col("limit_up") - HALF_A_CENT).fill_null(value=True)
        rows.append(rule("no buy fills where the close is the upper limit", buys, below))
    return rows


def _of_sales(sales: pl.DataFrame, dated: pl.DataFrame, terms: Terms) -> list[dict[str, object]]:
    if not sales_can_occur(dated, terms) and not sales.height:
        return []
    rows = [
        rule("what is bought is sold in a later session", sales, pl.col("opened") < pl.col("session")),
        rule("no sale fills at a locked lower limit", sales, pl.col("is_locked_down").not_()),
    ]
    if terms.hold_sessions is not None:
        planned = sales.filter(_reason("take_profit").not_())
        lasted = pl.col(PLACE) - pl.col("_opened") >= terms.hold_sessions
        rows.append(rule("a position lasts the sessions that the rule holds it", planned, lasted))
    if terms.strict:
        above = (pl.min_horizontal("close", "_stated") > pl.col("limit_down") + HALF_A_CENT).fill_null(value=True)
        at_close = sales.filter(_reason("take_profit").not_())
        rows.append(rule("no sale fills where the close is the lower limit", at_close, above))
    return rows


def _of_ends(dated: pl.DataFrame) -> list[dict[str, object]]:
    """Rules of sales that say why they ended; an order breaks them only by saying so."""
    at_target, ended = dated.filter(_reason("take_profit")), dated.filter(_reason("delisted"))
    price = pl.col("price")
    possible = ((price - pl.col("open")).abs() < HALF_A_CENT) | (price <= pl.col("high") - TICK + 1e-9)
    rows = []
    if at_target.height:
        rows.append(rule("a target is sold at the open, or where a trade passed it", at_target, possible))
    if ended.height:
        rows.append(rule("only a name without a row ends at its last close", ended, pl.col("is_suspended").is_null()))
    return rows


_IN_LOTS = (pl.col("shares") >= pl.col("lot_minimum")) & (pl.col("shares") % pl.col("lot_step") == 0)


def _with_lots(buys: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    return buys.join(lots, on=["session", "board"], how="left", maintain_order="left")


def _of_volume(fills: pl.DataFrame, bars: pl.DataFrame, terms: Terms) -> list[dict[str, object]]:
    if terms.participation is None:
        return []
    traded = fills.group_by("session", PLACE, "security_id", maintain_order=True).agg(pl.sum("shares"))
    most = pl.col("usual") * terms.participation
    name = f"a day's fills in a name are at most {terms.participation:.3g} of its usual volume"
    return [rule(name, _with_usual(traded, bars), pl.col("shares") <= most + 1e-6 * most + 1e-6)]


def _with_usual(traded: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """The median volume of the 20 sessions before, in shares of the session before; later than that where none had."""
    shown = bars.join(_calendar(bars), on="session").sort(PLACE)
    worked = shown.filter(pl.col("is_suspended").not_(), pl.col("vwap").is_not_null(), pl.col("close").is_not_null())
    volumes = worked.select(PLACE, "security_id", _volume=pl.col("volume") / pl.col("adj_factor"))
    asked = traded.with_columns(_before=pl.col(PLACE) - 1).sort("_before", "security_id")
    last = volumes.select("security_id", pl.col(PLACE).alias("_last"))
    factors = shown.filter(pl.col("adj_factor").is_not_null()).select(
        "security_id", "adj_factor", pl.col(PLACE).alias("_of")
    )
    by = {"left_on": "_before", "by": "security_id", "check_sortedness": False}
    asked = asked.join_asof(last, right_on="_last", coalesce=False, **by)  # type: ignore[arg-type]
    asked = asked.join_asof(factors, right_on="_of", coalesce=False, **by)  # type: ignore[arg-type]
    ends = pl.min_horizontal("_before", pl.col("_last") + USUAL_SESSIONS - 1)
    window = asked.select(PLACE, "security_id", _end=ends).join(
        pl.DataFrame({"_back": range(USUAL_SESSIONS)}, schema={"_back": pl.Int64}), how="cross"
    )
    window = window.with_columns(_day=pl.col("_end") - pl.col("_back"))
    found = window.join(volumes, left_on=["_day", "security_id"], right_on=[PLACE, "security_id"])
    median = found.group_by(PLACE, "security_id", maintain_order=True).agg(pl.median("_volume"))
    joined = asked.join(median, on=[PLACE, "security_id"], how="left", maintain_order="left")
    return joined.with_columns(usual=pl.col("_volume") * pl.col("adj_factor"))


def _of_holdings(books: Books, bars: pl.DataFrame) -> list[dict[str, object]]:
    moved = _holdings(books, bars)
    hold = pl.col("_held_before")
    least = hold * pl.min_horizontal(1.0, "_ratio") * (1 - BASE_MAY_LAG) - 1
    most = hold * pl.max_horizontal(1.0, "_ratio") * (1 + REFERENCE_IS_ROUNDED)
    stays = (pl.col("_ratio") - 1).abs() < 1e-12
    grown = pl.col("shares") + pl.col("sell") - pl.col("buy")
    adds_up = pl.when(stays).then((grown - hold).abs() < 1e-6).otherwise(grown.is_between(least, most))
    enough = pl.col("sell") <= pl.when(stays).then(hold).otherwise(most) + 1e-6
    held = _with_last_close(books.positions, bars)
    worth = (pl.col("shares") * pl.col("_close") - pl.col("value")).abs() < HALF_A_CENT + 1e-9 * pl.col("value")
    return [
        rule("no more is sold than was held", moved, enough),
        rule("what is held is what was held before, with what was bought and sold", moved, adds_up),
        rule("what is held is worth its last known close", held, worth),
    ]


def _holdings(books: Books, bars: pl.DataFrame) -> pl.DataFrame:
    """By session and name that is held or traded: shares before and after, bought and sold, and what factors say."""
    calendar = _calendar(bars)
    held = books.positions.join(calendar, on="session").select(PLACE, "security_id", "shares")
    before = held.select(pl.col(PLACE) + 1, "security_id", pl.col("shares").alias("_held_before"))
    filled = books.orders.filter(pl.col("shares") > 0).join(calendar, on="session")
    sides = [
        filled.filter(side=side).group_by(PLACE, "security_id", maintain_order=True).agg(pl.sum("shares").alias(side))
        for side in ("buy", "sell")
    ]
    keys = (
        pl.concat([frame.select(PLACE, "security_id") for frame in (held, before, *sides)])
        .unique()
        .sort(PLACE, "security_id")
    )
    inside = calendar.join(books.daily.select("session"), on="session")
    moved = keys.join(inside, on=PLACE)
    for other in (held, before, *sides):
        moved = moved.join(other, on=[PLACE, "security_id"], how="left", maintain_order="left")
    moved = moved.with_columns(pl.col("shares", "_held_before", "buy", "sell").fill_null(0.0))
    today = _known(moved, bars, PLACE, "adj_factor", "_today")
    ratio = _known(today.with_columns(_earlier=pl.col(PLACE) - 1), bars, "_earlier", "adj_factor", "_yesterday")
    return ratio.with_columns(_ratio=(pl.col("_today") / pl.col("_yesterday")).fill_null(1.0))


def _with_last_close(positions: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    traded = bars.filter(pl.col("is_suspended").not_(), pl.col("vwap").is_not_null(), pl.col("close").is_not_null())
    adjusted = traded.with_columns(_adjusted=pl.col("close") * pl.col("adj_factor"))
    held = positions.join(_calendar(bars), on="session", maintain_order="left")
    held = _known(held, adjusted, PLACE, "_adjusted", "_worth", bars)
    held = _known(held, bars, PLACE, "adj_factor", "_factor")
    return held.with_columns(_close=pl.col("_worth") / pl.col("_factor"))


def _known(
    frame: pl.DataFrame, rows: pl.DataFrame, at: str, column: str, name: str, bars: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The last value of a column that a name's rows tell up to a place."""
    calendar = _calendar(rows if bars is None else bars)
    told = rows.filter(pl.col(column).is_not_null()).join(calendar, on="session")
    told = told.select("security_id", pl.col(PLACE).alias("_told"), pl.col(column).alias(name)).sort("_told")
    found = frame.sort(at, "security_id").join_asof(
        told, left_on=at, right_on="_told", by="security_id", coalesce=False, check_sortedness=False
    )
    return found.drop("_told")


def _of_money(books: Books, capital: float) -> list[dict[str, object]]:
    flow = pl.when(pl.col("side") == "buy").then(-pl.col("value")).otherwise(pl.col("value"))
    flows = books.orders.group_by("session", maintain_order=True).agg(
        _flow=(flow - pl.col("fee") - pl.col("dividend_tax")).sum()
    )
    held = books.positions.group_by("session", maintain_order=True).agg(_held=pl.sum("value"))
    days = books.daily.sort("session").join(flows, on="session", how="left", maintain_order="left")
    days = days.join(held, on="session", how="left", maintain_order="left").with_columns(
        pl.col("_flow", "_held").fill_null(0.0), _cash_before=pl.col("cash").shift(1, fill_value=capital)
    )
    moved = pl.col("_cash_before") + pl.col("_flow") + pl.col("dividends") - pl.col("cash")
    return [
        rule("cash is never negative", days, pl.col("cash") >= 0),
        rule("cash moves by what was bought, sold, charged and paid", days, moved.abs() < HALF_A_CENT),
        rule(
            "the value is cash and positions, to the cent",
            days,
            (pl.col("cash") + pl.col("_held") - pl.col("nav")).abs() < HALF_A_CENT,
        ),
    ]


def _at_bars(placed: pl.DataFrame, bars: pl.DataFrame, price: str) -> pl.DataFrame:
    """The orders with the places of their sessions and what the bars of these say, null without a row."""
    calendar = _calendar(bars)
    shown = bars.select("session", "security_id", "board", *AT, _stated=price)
    opened = calendar.rename({"session": "opened", PLACE: "_opened"})
    dated = placed.join(calendar, on="session", how="left", maintain_order="left")
    dated = dated.join(opened, on="opened", how="left", maintain_order="left")
    return dated.join(shown, on=["session", "security_id"], how="left", maintain_order="left")


def _calendar(bars: pl.DataFrame) -> pl.DataFrame:
    return bars["session"].unique().sort().to_frame().with_row_index(PLACE).cast({PLACE: pl.Int64})


def _reason(name: str) -> pl.Expr:
    return pl.col("reason").eq_missing(pl.lit(name))
