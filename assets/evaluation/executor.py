"""Executor: the compiled loop that trades session by session and keeps cash, positions and receipts.

Every compiled function of the engine is in this file: numba's store of compiled code does not notice a change in a
compiled function of another one. Money is a float64 that counts cents. Under `whole_cents` it only ever holds whole
numbers, which a float64 adds without error up to 90 trillion yuan, and each amount is rounded half up when it arises.
"""
# T sessions, S securities, B boards, X exchanges, N forecasts in order or rows of a record, P periods of the dividend
# tax, H holding phases, K tranches (shares bought together), L lots of the tax's queue, C columns of a record

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]
Whole = NDArray[np.int64]

REASONS = (
    "", "no_bar", "suspended", "locked_up", "locked_down", "closes_up", "closes_down", "below_one_lot", "no_volume",
    "no_cash", "delisted", "take_profit",
)  # fmt: skip
"""Why an order was not filled, or not whole, by code; 0 is a plain fill. The last two say why a position ended."""
NO_BAR, SUSPENDED, LOCKED_UP, LOCKED_DOWN, CLOSES_UP, CLOSES_DOWN, BELOW_ONE_LOT, NO_VOLUME, NO_CASH = range(1, 10)
DELISTED, TAKE_PROFIT = 10, 11

CELLS = ("price", "open", "high", "low", "worth", "factor", "usual", "sigma")
PRICE, OPEN, HIGH, LOW, WORTH, FACTOR, USUAL, SIGMA = range(len(CELLS))
NO_BUY, NO_SELL, LISTED = range(3)
BOARD, WHERE = range(2)
RATES = (
    "commission_buy", "commission_sell", "minimum", "duty_buy", "duty_sell", "period", "month", "year",
    "transfer_sse", "transfer_szse", "transfer_bse", "by_share_sse", "by_share_szse", "by_share_bse",
)  # fmt: skip
COMMISSION_BUY, COMMISSION_SELL, MINIMUM, DUTY_BUY, DUTY_SELL, PERIOD, MONTH, YEAR, TRANSFER = range(9)
BY_SHARE = TRANSFER + 3
STATE = ("total", "base", "used", "wanted", "fallen_due", "just_sold", "first", "told", "rank")
TOTAL, BASE, USED, WANTED, FALLEN_DUE, JUST_SOLD, FIRST, TOLD, RANK = range(len(STATE))

BILLION = 1_000_000_000
TICK = 0.01
NEVER = 2.0**40
BUY, SELL = 0.0, 1.0

ORDER = (
    "session", "security", "side", "opened", "asked", "shares", "price", "value", "commission", "stamp_duty",
    "transfer_fee", "dividend_tax", "impact", "reason",
)  # fmt: skip
DAY = ("nav", "cash", "before", "bought", "sold", "fees", "dividend_tax", "impact", "dividends")
POSITION = ("session", "security", "shares", "price", "value")
NAV, CASH, BEFORE, BOUGHT, SOLD, FEES, TAX, IMPACT, DIVIDENDS = range(len(DAY))
NAME, SHARES, OPENED, DUE, TARGET, ASKED = range(6)  # columns of a tranche
LOT_NAME, LOT_SHARES, LOT_OPENED, LOT_DIVIDEND = range(4)  # of a lot; dividends by period follow
TRANCHES, ORDERS, POSITIONS, LOTS = range(4)


def inner(function: F) -> F:
    """Compile a function that only compiled ones call: `run` is stored whole, and without a door it is made sooner."""
    compiled: F = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(  # type: ignore[call-overload]
        function
    )
    return compiled


class Market(NamedTuple):
    """What could be traded: in few arrays, since numba takes its time over each.

    cells  [Q, T, S] in the order of CELLS, in yuan per share as traded and in shares: `price` at which orders fill, NaN
           without a trade, open, high and low likewise; `worth`, the adjusted close, and `factor`, adj_factor, carried
           over sessions without a trade; `usual`, the median volume of the 20 sessions up to t, and `sigma`, the
           standard deviation of their returns
    codes  [Q, T, S] place in REASONS of what refuses a buy, 0 where it fills; of a sale; 1 while not yet delisted
    place  [Q, S] column of the board's lots, column of the exchange's transfer fee
    """

    cells_QTS: Floats
    codes_QTS: Codes
    place_QS: Whole

    @property
    def worth_TS(self) -> Floats:  # noqa: N802
        """Adjusted close, carried."""
        worth_TS: Floats = self.cells_QTS[WORTH]
        return worth_TS


class Tariff(NamedTuple):
    """Lots, fees and taxes by session.

    lots   [2, T, B] smallest order and step, in shares
    rates  [T, Q] in the order of RATES, whole billionths of a value or of a cent for each share; `minimum` in cents;
           `period`, the row of `tax` for a dividend whose record date is this session; `month`, `year`, the last
           session that is not later than a month, a year after this one
    tax    [P, H] share of a dividend: held to one month, to one year, longer
    """

    lots_QTB: Floats
    rates_TQ: Whole
    tax_PH: Floats


class Plan(NamedTuple):
    """Forecasts of each session, best first: those of session t lie from edge[t] to edge[t + 1]; who may be bought."""

    edge_T1: Whole
    name_N: Whole
    may_buy_N: Flags


class Rules(NamedTuple):
    """How orders arise and what they are held to.

    dropout        hold `top_k` names, sell the worst `drop` and buy as many; else sleeves held `hold` sessions
    top_k          names bought at a time, 0: all
    take_profit    gain at which a position is sold; infinite: never
    capital        cents at the start
    cash_share     share of the cash that dropout invests
    participation  largest share of the usual volume; infinite: no cap
    impact         Y of Y * sigma * sqrt(shares / usual volume)
    halts, limits  whether a suspension, a locked limit refuses
    whole_lots     whether shares come in lots; whole_cents: whether money comes in cents
    at_fill        size orders by the price of the fill and the cash of that moment, which nobody knows before
    reinvested     let shares grow by the adjustment factor, instead of paying dividends in cash
    taxed          whether dividends are taxed
    lot_slack      shares that may lack to a whole lot
    recorded       whether orders and positions are kept, or only the days
    """

    dropout: bool = False
    top_k: int = 50
    drop: int = 5
    hold: int = 5
    take_profit: float = np.inf
    capital: float = 1e9
    cash_share: float = 1.0
    participation: float = np.inf
    impact: float = 0.0
    halts: bool = True
    limits: bool = True
    whole_lots: bool = True
    whole_cents: bool = True
    at_fill: bool = False
    reinvested: bool = False
    taxed: bool = True
    lot_slack: float = 1e-6
    recorded: bool = True


class Book(NamedTuple):
    """State and records; those that grow are exchanged for larger ones between sessions.

    state   [Q, S] in the order of STATE: shares held, the adjustment factor up to which they were adjusted, shares
            sold in this session, 1 where dropout sells the name, shares for sale, shares just sold, the oldest
            session among them, 1 where one of them was not asked before, place among the session's forecasts (-1: none)
    many    how many tranches, orders, positions, lots
    money   the day in the order of DAY
    """

    state_QS: Floats
    many: Whole
    money: Floats
    tranche_KC: Floats
    order_NC: Floats
    position_NC: Floats
    lot_LC: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def run(market: Market, tariff: Tariff, plan: Plan, rules: Rules) -> tuple[Floats, Floats, Floats]:
    """Records of the orders, of the days after the first and of the positions, columns as ORDER, DAY and POSITION."""
    _, sessions, securities = market.cells_QTS.shape
    book = _empty(securities, tariff.tax_PH.shape[0])
    book.money[NAV] = book.money[CASH] = rules.capital
    day_TC = np.zeros((sessions - 1, len(DAY)))
    for t in range(1, sessions):
        first, last = plan.edge_T1[t - 1], plan.edge_T1[t]
        book = _with_room(book, securities, last - first)
        book.money[BEFORE] = book.money[NAV]
        for quantity in range(BOUGHT, len(DAY)):
            book.money[quantity] = 0.0
        _fill(book, USED, 0.0)
        buys, count = _chosen(plan, rules, book, t)
        each, share = _budget(market, tariff, rules, book, t, count)
        _adjust(market, tariff, rules, book, t)
        _sell_due(market, tariff, rules, book, t)
        if rules.take_profit < np.inf:
            _sell_at_target(market, tariff, rules, book, t)
        if rules.at_fill:
            each = _at_fill(rules, book, count)
        for i in range(count):
            _buy(market, tariff, rules, book, t, buys[i], each, share)
        _value(market, rules, book, t)
        for quantity in range(len(DAY)):
            day_TC[t - 1, quantity] = book.money[quantity]
    return book.order_NC[: book.many[ORDERS]], day_TC, book.position_NC[: book.many[POSITIONS]]


@inner
def _empty(securities: int, periods: int) -> Book:
    return Book(
        np.zeros((len(STATE), securities)),
        np.zeros(4, np.int64),
        np.zeros(len(DAY)),
        np.zeros((64, 6)),
        np.zeros((64, len(ORDER))),
        np.zeros((64, len(POSITION))),
        np.zeros((64, LOT_DIVIDEND + periods)),
    )


@inner
def _with_room(book: Book, securities: int, forecasts: int) -> Book:
    """The same book with room for whatever one session may bring."""
    tranches = book.many[TRANCHES]
    return Book(
        book.state_QS,
        book.many,
        book.money,
        _grown(book.tranche_KC, tranches, forecasts),
        _grown(book.order_NC, book.many[ORDERS], 2 * tranches + forecasts),
        _grown(book.position_NC, book.many[POSITIONS], min(securities, tranches + forecasts)),
        _grown(book.lot_LC, book.many[LOTS], forecasts),
    )


@inner
def _grown(record_NC: Floats, used: int, more: int) -> Floats:
    if used + more <= len(record_NC):
        return record_NC
    larger_NC = np.zeros((2 * (used + more), record_NC.shape[1]))
    for row in range(used):
        for column in range(record_NC.shape[1]):
            larger_NC[row, column] = record_NC[row, column]
    return larger_NC


@inner
def _moved_up(record_NC: Floats, row: int, kept: int) -> None:
    """A row takes the next free place among those kept."""
    if row != kept:
        for column in range(record_NC.shape[1]):
            record_NC[kept, column] = record_NC[row, column]


@inner
def _fill(book: Book, quantity: int, value: float) -> None:
    for s in range(book.state_QS.shape[1]):
        book.state_QS[quantity, s] = value


# ---- money, lots and fees


@inner
def cents(amount: float, rules: Rules) -> float:
    """An amount of money, half a cent up; prices have four decimals, so that a thousandth of a cent decides nothing."""
    return np.floor(amount + 0.501) if rules.whole_cents else amount


@inner
def share_of(amount: float, billionths: int, rules: Rules) -> float:
    """A share of a whole number of cents, half a cent up, without an error of rounding."""
    if not rules.whole_cents:
        return amount * billionths / BILLION
    whole = int(amount)
    rest = (whole % BILLION) * billionths
    return float(whole // BILLION * billionths + (rest + BILLION // 2) // BILLION)


@inner
def stated(price: float, rules: Rules) -> float:
    """A mean price as a receipt states it, to a hundredth of a cent."""
    return np.floor(price * 1e4 + 0.500001) / 1e4 if rules.whole_cents else price


@inner
def lots_of(shares: float, minimum: float, step: float, rules: Rules) -> float:
    """Shares of a buy rounded down to what the board accepts, 0 below its smallest order."""
    if not rules.whole_lots:
        return max(shares, 0.0)
    rounded = np.floor((shares + rules.lot_slack) / step) * step
    return rounded if rounded >= minimum else 0.0


@inner
def sellable(asked: float, total: float, minimum: float, step: float, rules: Rules) -> float:
    """Shares of a sale rounded down to what the board accepts: whole steps, and what is left over only at once."""
    if not rules.whole_lots or asked >= total:
        return min(asked, total)
    rounded = np.floor(asked / step) * step
    odd = total - np.floor(total / step) * step
    if odd > 0 and asked - rounded >= odd:
        return float(rounded + odd)
    return rounded if rounded >= minimum else 0.0


@inner
def charged(
    tariff: Tariff, rules: Rules, t: int, exchange: int, side: float, shares: float, value: float
) -> tuple[float, float, float]:
    """Commission, stamp duty and transfer fee of an order, each rounded by itself."""
    if value <= 0:
        return 0.0, 0.0, 0.0
    rate = tariff.rates_TQ[t, COMMISSION_BUY] if side == BUY else tariff.rates_TQ[t, COMMISSION_SELL]
    commission = max(share_of(value, rate, rules), tariff.rates_TQ[t, MINIMUM])
    duty = share_of(value, tariff.rates_TQ[t, DUTY_BUY] if side == BUY else tariff.rates_TQ[t, DUTY_SELL], rules)
    by_value = share_of(value, tariff.rates_TQ[t, TRANSFER + exchange], rules)
    return commission, duty, by_value + share_of(shares, tariff.rates_TQ[t, BY_SHARE + exchange], rules)


@inner
def _affordable(tariff: Tariff, t: int, exchange: int, money: float) -> float:
    """The largest value that the money buys together with the fees that follow value."""
    taxes = (tariff.rates_TQ[t, DUTY_BUY] + tariff.rates_TQ[t, TRANSFER + exchange]) / BILLION
    by_rate = money / (1 + taxes + tariff.rates_TQ[t, COMMISSION_BUY] / BILLION)
    return float(max(0.0, min(by_rate, (money - tariff.rates_TQ[t, MINIMUM]) / (1 + taxes))))


# ---- what is decided after the session before


@inner
def _chosen(plan: Plan, rules: Rules, book: Book, t: int) -> tuple[Whole, int]:
    """Names to buy, best first, and how many; under dropout also marks what is sold."""
    first, last = plan.edge_T1[t - 1], plan.edge_T1[t]
    _fill(book, WANTED, 0.0)
    room = last - first if rules.top_k == 0 else min(rules.top_k, last - first)
    if rules.dropout:
        return _swapped(plan, rules, book, first, last)
    names, count = np.empty(max(last - first, 1), np.int64), 0
    for i in range(first, last):
        if plan.may_buy_N[i] and count < room:
            names[count] = plan.name_N[i]
            count += 1
    return names, count


@inner
def _swapped(plan: Plan, rules: Rules, book: Book, first: int, last: int) -> tuple[Whole, int]:
    """The best that are not held, as many as drop out and lack; of those held the worst of both together drop out."""
    names, keys = np.empty(max(last - first, 1), np.int64), np.empty(book.state_QS.shape[1] + last - first)
    if last == first:
        return names, 0
    _fill(book, RANK, -1.0)
    for i in range(first, last):
        book.state_QS[RANK, plan.name_N[i]] = i - first
    held = 0
    for s in range(book.state_QS.shape[1]):
        if book.state_QS[TOTAL, s] > 0:
            keys[held] = _key(book, s)
            held += 1
    count = _best(plan, book, first, last, rules.drop + rules.top_k - held, names)
    for i in range(count):
        keys[held + i] = book.state_QS[RANK, names[i]]
    edge = _worst(keys, held + count, rules.drop)
    leaving = 0
    for s in range(book.state_QS.shape[1]):
        if book.state_QS[TOTAL, s] > 0 and _key(book, s) >= edge:
            book.state_QS[WANTED, s] = 1.0
            leaving += 1
    return names, max(0, min(count, leaving + rules.top_k - held))


@inner
def _worst(keys: Floats, many: int, drop: int) -> float:
    """The key of the `drop`-th from the end; keys are different."""
    edge = np.inf
    for _ in range(min(drop, many)):
        next_edge = -np.inf
        for i in range(many):
            if next_edge < keys[i] < edge:
                next_edge = keys[i]
        edge = next_edge
    return edge


@inner
def _key(book: Book, s: int) -> float:
    """Place of a name that is held; those without a forecast come last."""
    return float(book.state_QS[RANK, s]) if book.state_QS[RANK, s] >= 0 else 1e9 + s


@inner
def _best(plan: Plan, book: Book, first: int, last: int, room: int, names: Whole) -> int:
    count = 0
    for i in range(first, last):
        if count < room and plan.may_buy_N[i] and book.state_QS[TOTAL, plan.name_N[i]] == 0:
            names[count] = plan.name_N[i]
            count += 1
    return count


@inner
def _budget(market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, count: int) -> tuple[float, float]:
    """Money of each buy, by what is known after the session before: cash, and what falls due at its last price.

    The second is what each would have if there were no lack of cash.
    """
    if count == 0:
        return 0.0, 0.0
    expected = book.money[CASH]
    for k in range(book.many[TRANCHES]):
        s = int(book.tranche_KC[k, NAME])
        is_due = book.state_QS[WANTED, s] == 1.0 if rules.dropout else book.tranche_KC[k, DUE] <= t
        if is_due and _refusal(market.codes_QTS[NO_SELL, t - 1, s], rules) not in (NO_BAR, SUSPENDED):
            fees = (
                tariff.rates_TQ[t, COMMISSION_SELL]
                + tariff.rates_TQ[t, DUTY_SELL]
                + tariff.rates_TQ[t, TRANSFER + market.place_QS[WHERE, s]]
            )
            value = (
                book.tranche_KC[k, SHARES]
                * market.cells_QTS[WORTH, t - 1, s]
                / market.cells_QTS[FACTOR, t - 1, s]
                * 100
            )
            expected += value * (1 - fees / BILLION)
    if rules.dropout:
        return expected * rules.cash_share / count, expected * rules.cash_share / count
    share = book.money[NAV] / rules.hold / (rules.top_k if rules.top_k > 0 else count)
    return min(share, expected / count), share


@inner
def _at_fill(rules: Rules, book: Book, count: int) -> float:
    """Money of each buy by the cash that the session's sales have left."""
    each = book.money[CASH] * rules.cash_share / max(count, 1)
    if rules.dropout:
        return float(each)
    return float(min(each, book.money[BEFORE] / rules.hold / (rules.top_k if rules.top_k > 0 else max(count, 1))))


# ---- what happens in the session


@inner
def _adjust(market: Market, tariff: Tariff, rules: Rules, book: Book, t: int) -> None:
    """Dividends and splits of what is held, read off the adjustment factor."""
    least = 0.0 if rules.reinvested else 2e-5
    for s in range(book.state_QS.shape[1]):
        if book.state_QS[TOTAL, s] > 0:
            ratio = market.cells_QTS[FACTOR, t, s] / book.state_QS[BASE, s]
            if abs(ratio - 1) > least:
                close = market.cells_QTS[WORTH, t - 1, s] / book.state_QS[BASE, s]
                growth, dividend = (ratio, 0.0) if rules.reinvested else read_off(close, ratio)
                _pay(tariff, rules, book, t, s, growth, dividend, close, ratio)
                book.state_QS[BASE, s] = market.cells_QTS[FACTOR, t, s]


@inner
def read_off(close: float, ratio: float) -> tuple[float, float]:
    """Shares after for one before, and yuan a share, from the last close over the ex-right reference.

    New shares come in tenths; what they leave unexplained is a dividend. The reference is rounded to a cent, so that
    half a cent may lack to a tenth. A ratio below 1 is a consolidation. What one holds is worth the same after it.
    """
    if ratio < 1:
        return ratio, 0.0
    reference = close / ratio
    tenths = np.floor((close / max(reference - 0.00501, TICK / 2) - 1) * 10 + 1e-9)
    growth = 1 + tenths / 10
    return growth, max(0.0, np.floor((close - growth * reference) * 1e4 + 0.5) / 1e4)


@inner
def _pay(
    tariff: Tariff, rules: Rules, book: Book, t: int, s: int, growth: float, dividend: float, close: float, ratio: float
) -> None:
    before = book.state_QS[TOTAL, s]
    grown = before * growth
    after = np.floor(grown + 1e-6) if rules.whole_lots and not rules.reinvested else grown
    paid = cents(before * dividend * 100, rules) + cents((grown - after) * close / ratio * 100, rules)
    book.money[CASH] += paid
    book.money[DIVIDENDS] += paid
    _grow_tranches(rules, book, s, growth, ratio, after)
    for k in range(book.many[LOTS]):
        if book.lot_LC[k, LOT_NAME] == s:
            book.lot_LC[k, LOT_DIVIDEND + tariff.rates_TQ[t - 1, PERIOD]] += book.lot_LC[k, LOT_SHARES] * dividend * 100
            book.lot_LC[k, LOT_SHARES] *= after / before
    book.state_QS[TOTAL, s] = after


@inner
def _grow_tranches(rules: Rules, book: Book, s: int, growth: float, ratio: float, after: float) -> None:
    """Whole shares for each; what is left over goes to the oldest."""
    left, oldest = after, -1
    for k in range(book.many[TRANCHES]):
        if book.tranche_KC[k, NAME] == s:
            shares = book.tranche_KC[k, SHARES] * growth
            book.tranche_KC[k, SHARES] = (
                np.floor(shares + 1e-6) if rules.whole_lots and not rules.reinvested else shares
            )
            book.tranche_KC[k, TARGET] /= ratio
            left -= book.tranche_KC[k, SHARES]
            oldest = k if oldest < 0 else oldest
    if rules.whole_lots and not rules.reinvested:
        book.tranche_KC[oldest, SHARES] += left


@inner
def _refusal(code: int, rules: Rules) -> int:
    """What refuses, as far as the rules ask."""
    halted = code in (NO_BAR, SUSPENDED)
    return code if (halted and rules.halts) or (not halted and rules.limits) else 0


@inner
def _is_due(book: Book, rules: Rules, k: int, t: int, listed: bool) -> bool:
    if not listed:
        return True
    if rules.dropout:
        return bool(book.state_QS[WANTED, int(book.tranche_KC[k, NAME])] == 1.0)
    return bool(book.tranche_KC[k, DUE] <= t)


@inner
def _sell_due(market: Market, tariff: Tariff, rules: Rules, book: Book, t: int) -> None:
    """One sale of each name with shares that fall due, or that are delisted."""
    _fill(book, FALLEN_DUE, 0.0)
    _fill(book, FIRST, NEVER)
    _fill(book, TOLD, 0.0)
    for k in range(book.many[TRANCHES]):
        s = int(book.tranche_KC[k, NAME])
        if _is_due(book, rules, k, t, market.codes_QTS[LISTED, t, s] == 1):
            book.state_QS[FALLEN_DUE, s] += book.tranche_KC[k, SHARES]
            book.state_QS[FIRST, s] = min(book.state_QS[FIRST, s], book.tranche_KC[k, OPENED])
            book.state_QS[TOLD, s] = max(
                book.state_QS[TOLD, s], 1.0 if rules.dropout else 1.0 - book.tranche_KC[k, ASKED]
            )
            book.tranche_KC[k, ASKED] = 1.0
    for s in range(book.state_QS.shape[1]):
        book.state_QS[JUST_SOLD, s] = (
            _sell(market, tariff, rules, book, t, s) if book.state_QS[FALLEN_DUE, s] > 0 else 0.0
        )
    _take_out(market, rules, book, t)


@inner
def _sell(market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, s: int) -> float:
    """Shares of the name sold, with the order's record; a refusal is told when the sale is asked the first time."""
    if market.codes_QTS[LISTED, t, s] != 1:
        price = market.cells_QTS[WORTH, t, s] / market.cells_QTS[FACTOR, t, s]
        return _sold(
            market,
            tariff,
            rules,
            book,
            t,
            s,
            book.state_QS[FIRST, s],
            book.state_QS[FALLEN_DUE, s],
            book.state_QS[FALLEN_DUE, s],
            price,
            DELISTED,
        )
    reason, shares = _refusal(market.codes_QTS[NO_SELL, t, s], rules), 0.0
    price = _plain_price(market, t, s)
    if reason == 0:
        shares, reason = _part_of_sale(market, tariff, rules, book, t, s, book.state_QS[FALLEN_DUE, s])
        price = _moved(market, rules, t, s, price, shares, -1.0)
    if shares == 0 and book.state_QS[TOLD, s] == 0:
        return 0.0
    return _sold(
        market, tariff, rules, book, t, s, book.state_QS[FIRST, s], book.state_QS[FALLEN_DUE, s], shares, price, reason
    )


@inner
def _part_of_sale(
    market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, s: int, asked: float
) -> tuple[float, int]:
    """How many shares the lots and the usual volume let through, and what held back the rest."""
    minimum, step = tariff.lots_QTB[0, t, market.place_QS[BOARD, s]], tariff.lots_QTB[1, t, market.place_QS[BOARD, s]]
    in_lots = sellable(asked, book.state_QS[TOTAL, s], minimum, step, rules)
    through = sellable(min(asked, _room(market, rules, book, t, s)), book.state_QS[TOTAL, s], minimum, step, rules)
    if through < in_lots:
        return through, NO_VOLUME
    return through, (BELOW_ONE_LOT if through < asked else 0)


@inner
def _room(market: Market, rules: Rules, book: Book, t: int, s: int) -> float:
    """Shares that may still be traded in the session; none where no usual volume is known."""
    if rules.participation == np.inf:
        return np.inf
    usual = market.cells_QTS[USUAL, t - 1, s]
    return max(0.0, np.floor(rules.participation * usual - book.state_QS[USED, s] + 1e-6)) if usual > 0 else 0.0


@inner
def _plain_price(market: Market, t: int, s: int) -> float:
    """The price of the session; the last close where there is none and halts do not refuse."""
    price = market.cells_QTS[PRICE, t, s]
    return float(market.cells_QTS[WORTH, t, s] / market.cells_QTS[FACTOR, t, s] if np.isnan(price) else price)


@inner
def _moved(market: Market, rules: Rules, t: int, s: int, price: float, shares: float, way: float) -> float:
    """The price that the order's own weight leaves, within the session's range."""
    usual, sigma = market.cells_QTS[USUAL, t - 1, s], market.cells_QTS[SIGMA, t - 1, s]
    if rules.impact > 0 and usual > 0 and sigma > 0:
        price *= 1 + way * rules.impact * sigma * np.sqrt(shares / usual)
    if np.isnan(market.cells_QTS[PRICE, t, s]):
        return stated(price, rules)
    return float(min(max(stated(price, rules), market.cells_QTS[LOW, t, s]), market.cells_QTS[HIGH, t, s]))


@inner
def _sold(
    market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, s: int,
    opened: float, asked: float, shares: float, price: float, reason: int,
) -> float:  # fmt: skip
    """Book a sale, refused where its charges would leave cash below nothing; returns the shares sold."""
    value = cents(shares * price * 100, rules) if shares > 0 else 0.0
    commission = duty = transfer = 0.0
    if reason != DELISTED:
        commission, duty, transfer = charged(tariff, rules, t, market.place_QS[WHERE, s], SELL, shares, value)
    tax = _taxed(tariff, rules, book, t, s, shares, False) if rules.taxed else 0.0
    left = value - commission - duty - transfer - tax
    if book.money[CASH] + left < 0:
        shares, value, commission, duty, transfer, tax, left, reason = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NO_CASH
    elif rules.taxed and shares > 0:
        _taxed(tariff, rules, book, t, s, shares, True)
    pushed = 0.0
    if shares > 0 and reason not in (DELISTED, TAKE_PROFIT):
        pushed = (_plain_price(market, t, s) - price) * shares * 100
    _receipt(
        rules, book, t, s, SELL, opened, asked, shares, price, value, commission, duty, transfer, tax, pushed, reason
    )
    book.money[CASH] += left
    book.money[SOLD] += value
    book.state_QS[TOTAL, s] -= shares
    book.state_QS[USED, s] += shares
    return shares


@inner
def _receipt(
    rules: Rules, book: Book, t: int, s: int, side: float, opened: float, asked: float, shares: float, price: float,
    value: float, commission: float, duty: float, transfer: float, tax: float, pushed: float, reason: int,
) -> None:  # fmt: skip
    row = book.order_NC[book.many[ORDERS]]
    row[0], row[1], row[2], row[3], row[4], row[5], row[6] = t, s, side, opened, asked, shares, price
    row[7], row[8], row[9], row[10], row[11], row[12], row[13] = (
        value, commission, duty, transfer, tax, pushed, reason,
    )  # fmt: skip
    book.many[ORDERS] += 1 if rules.recorded else 0
    book.money[FEES] += commission + duty + transfer
    book.money[TAX] += tax
    book.money[IMPACT] += pushed


@inner
def _taxed(tariff: Tariff, rules: Rules, book: Book, t: int, s: int, shares: float, take: bool) -> float:
    """Tax on the dividends of the shares bought first, as many as are sold; with `take` they leave the queue."""
    left, tax = shares, 0.0
    for k in range(book.many[LOTS]):
        lot = book.lot_LC[k]
        if lot[LOT_NAME] == s and left > 1e-9 and lot[LOT_SHARES] > 0:
            taken = min(left, lot[LOT_SHARES])
            part, opened = taken / lot[LOT_SHARES], int(lot[LOT_OPENED])
            phase = 0 if t <= tariff.rates_TQ[opened, MONTH] else (1 if t <= tariff.rates_TQ[opened, YEAR] else 2)
            for period in range(tariff.tax_PH.shape[0]):
                tax += part * lot[LOT_DIVIDEND + period] * tariff.tax_PH[period, phase]
            if take:
                for period in range(tariff.tax_PH.shape[0]):
                    lot[LOT_DIVIDEND + period] *= 1 - part
                lot[LOT_SHARES] -= taken
            left -= taken
    return cents(tax, rules)


@inner
def _take_out(market: Market, rules: Rules, book: Book, t: int) -> None:
    """Shares sold leave the tranches that were due, the oldest first."""
    for k in range(book.many[TRANCHES]):
        row = book.tranche_KC[k]
        s = int(row[NAME])
        if book.state_QS[JUST_SOLD, s] > 0 and _is_due(book, rules, k, t, market.codes_QTS[LISTED, t, s] == 1):
            taken = min(row[SHARES], book.state_QS[JUST_SOLD, s])
            row[SHARES] -= taken
            book.state_QS[JUST_SOLD, s] -= taken
    _settle(book)


@inner
def _closed_up(table: Floats, shares: int, many: int) -> int:
    """Rows without shares leave, those after them move up; returns how many are left."""
    kept = 0
    for k in range(many):
        if table[k, shares] > 1e-9:
            _moved_up(table, k, kept)
            kept += 1
    return kept


@inner
def _settle(book: Book) -> None:
    """Close up tranches and lots; what rounding left of fractions is no position."""
    book.many[TRANCHES] = _closed_up(book.tranche_KC, SHARES, book.many[TRANCHES])
    book.many[LOTS] = _closed_up(book.lot_LC, LOT_SHARES, book.many[LOTS])
    for s in range(book.state_QS.shape[1]):
        if book.state_QS[TOTAL, s] < 1e-9:
            book.state_QS[TOTAL, s] = 0.0


@inner
def _sell_at_target(market: Market, tariff: Tariff, rules: Rules, book: Book, t: int) -> None:
    """Positions that are not due yet: at an open above the target, else at the target where a trade passed it."""
    for k in range(book.many[TRANCHES]):
        row = book.tranche_KC[k]
        s = int(row[NAME])
        is_due = _is_due(book, rules, k, t, market.codes_QTS[LISTED, t, s] == 1)
        if not is_due and market.codes_QTS[LISTED, t, s] == 1 and _refusal(market.codes_QTS[NO_SELL, t, s], rules) == 0:
            price = target_price(row[TARGET], market.cells_QTS[OPEN, t, s], market.cells_QTS[HIGH, t, s])
            if not np.isnan(price):
                shares, reason = _part_of_sale(market, tariff, rules, book, t, s, row[SHARES])
                reason = TAKE_PROFIT if shares > 0 else reason
                row[SHARES] -= _sold(market, tariff, rules, book, t, s, row[OPENED], row[SHARES], shares, price, reason)
    _settle(book)


@inner
def target_price(target: float, opened: float, high: float) -> float:
    """Price of a sale by a limit order at the target, raised to the next cent; NaN where it does not fill.

    A trade at the target itself may have been another's: the high must lie a tick above.
    """
    limit = np.ceil(target * 100 - 1e-6) / 100
    if opened > limit + 1e-9:
        return opened
    return limit if high >= limit + TICK - 1e-9 else np.nan


@inner
def _buy(market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, s: int, each: float, share: float) -> None:
    """One buy: sized by what was known, refused or cut by what the session, the volume and the cash allow."""
    reason, price = _refusal(market.codes_QTS[NO_BUY, t, s], rules), _plain_price(market, t, s)
    asked, reason = _asked(market, tariff, rules, t, s, each, share, price, reason)
    shares, value, commission, duty, transfer, paid = 0.0, 0.0, 0.0, 0.0, 0.0, price
    if reason == 0:
        shares, reason = _part_of_buy(market, tariff, rules, book, t, s, asked)
        shares, cut = _within_cash(market, tariff, rules, book, t, s, shares)
        reason = NO_CASH if cut else reason
        paid = _moved(market, rules, t, s, price, shares, 1.0)
        value = cents(shares * paid * 100, rules)
        commission, duty, transfer = charged(tariff, rules, t, market.place_QS[WHERE, s], BUY, shares, value)
    pushed = (paid - price) * shares * 100 if shares > 0 else 0.0
    _receipt(rules, book, t, s, BUY, t, asked, shares, paid, value, commission, duty, transfer, 0.0, pushed, reason)
    if shares > 0:
        book.money[CASH] -= value + commission + duty + transfer
        book.money[BOUGHT] += value
        _open(market, rules, book, t, s, shares, paid)


@inner
def _asked(
    market: Market, tariff: Tariff, rules: Rules, t: int, s: int, each: float, share: float, price: float, reason: int
) -> tuple[float, int]:
    """Shares asked for, and why there is no order."""
    minimum, step = tariff.lots_QTB[0, t, market.place_QS[BOARD, s]], tariff.lots_QTB[1, t, market.place_QS[BOARD, s]]
    if rules.at_fill:
        asked = lots_of(each / 100 / price, minimum, step, rules)
        return (asked if asked > 0 else 0.0), (reason if reason or asked > 0 else BELOW_ONE_LOT)
    last = market.cells_QTS[WORTH, t - 1, s] / market.cells_QTS[FACTOR, t - 1, s]
    if not last > 0:
        return 0.0, (reason if reason else NO_BAR)
    exchange = market.place_QS[WHERE, s]
    asked = lots_of(_affordable(tariff, t, exchange, each) / 100 / last, minimum, step, rules)
    if reason or asked > 0:
        return asked, reason
    enough = lots_of(_affordable(tariff, t, exchange, share) / 100 / last, minimum, step, rules) > 0
    return 0.0, (NO_CASH if enough else BELOW_ONE_LOT)


@inner
def _part_of_buy(
    market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, s: int, asked: float
) -> tuple[float, int]:
    room = _room(market, rules, book, t, s)
    if asked <= room:
        return asked, 0
    return lots_of(
        room, tariff.lots_QTB[0, t, market.place_QS[BOARD, s]], tariff.lots_QTB[1, t, market.place_QS[BOARD, s]], rules
    ), (NO_VOLUME)


@inner
def _within_cash(
    market: Market, tariff: Tariff, rules: Rules, book: Book, t: int, s: int, shares: float
) -> tuple[float, bool]:
    """As many of the shares as the cash pays for with their fees, and whether it held back some."""
    minimum, step = tariff.lots_QTB[0, t, market.place_QS[BOARD, s]], tariff.lots_QTB[1, t, market.place_QS[BOARD, s]]
    price, exchange = _plain_price(market, t, s), market.place_QS[WHERE, s]
    cut = False
    while shares > 0:
        paid = _moved(market, rules, t, s, price, shares, 1.0)
        value = cents(shares * paid * 100, rules)
        commission, duty, transfer = charged(tariff, rules, t, exchange, BUY, shares, value)
        if value + commission + duty + transfer <= book.money[CASH]:
            return shares, cut
        fits = _affordable(tariff, t, exchange, book.money[CASH]) / 100 / paid
        fewer = min(fits, shares - step) if rules.whole_lots else min(fits, shares) * (1 - 1e-9)
        shares, cut = lots_of(fewer, minimum, step, rules), True
    return 0.0, cut


@inner
def _open(market: Market, rules: Rules, book: Book, t: int, s: int, shares: float, paid: float) -> None:
    row = book.tranche_KC[book.many[TRANCHES]]
    row[NAME], row[SHARES], row[OPENED], row[ASKED] = s, shares, t, 0.0
    row[DUE] = NEVER if rules.dropout else t + rules.hold
    row[TARGET] = paid * (1 + rules.take_profit)
    book.many[TRANCHES] += 1
    if book.state_QS[TOTAL, s] == 0:
        book.state_QS[BASE, s] = market.cells_QTS[FACTOR, t, s]
    book.state_QS[TOTAL, s] += shares
    if rules.taxed:
        lot = book.lot_LC[book.many[LOTS]]
        for column in range(len(lot)):
            lot[column] = 0.0
        lot[LOT_NAME], lot[LOT_SHARES], lot[LOT_OPENED] = s, shares, t
        book.many[LOTS] += 1


@inner
def _value(market: Market, rules: Rules, book: Book, t: int) -> None:
    """Positions at their last close, and what all is worth."""
    held = 0.0
    for s in range(book.state_QS.shape[1]):
        if book.state_QS[TOTAL, s] > 0:
            price = market.cells_QTS[WORTH, t, s] / market.cells_QTS[FACTOR, t, s]
            value = cents(book.state_QS[TOTAL, s] * price * 100, rules)
            row = book.position_NC[book.many[POSITIONS]]
            row[0], row[1], row[2], row[3], row[4] = t, s, book.state_QS[TOTAL, s], price, value
            book.many[POSITIONS] += 1 if rules.recorded else 0
            held += value
    book.money[NAV] = book.money[CASH] + held
