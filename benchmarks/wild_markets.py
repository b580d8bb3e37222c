"""Wild markets: random bars with everything that refuses orders, and what must hold of every simulation on them.

Prices jump, names are halted, locked at a limit, split, pay dividends, are delisted, and trade in a few shares or in
millions, on every board. Nothing here is like a market; what an executor must never do is tried as often as possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl

from assets.cleaning.trading_costs import rates
from assets.evaluation.portfolio import Simulation
from assets.evaluation.trading import TradingSpec
from benchmarks.random_panel import weekdays

SESSIONS, SECURITIES = 60, 12
FIRSTS = (date(2008, 8, 1), date(2012, 11, 1), date(2015, 6, 15), date(2022, 3, 1), date(2023, 7, 10))
PREFIXES = ("sh600", "sz000", "sz300", "sh688", "bj830")
BOARDS = ("main", "main", "chinext", "star", "bse")
CAPITALS = (3_000.0, 50_000.0, 1_000_000.0, 300_000_000.0)
NOTHING = 1e-9


def wild_market(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Bars, universe and forecasts of one market."""
    sessions = weekdays(SESSIONS, FIRSTS[rng.integers(len(FIRSTS))])
    rows = [row for number in range(SECURITIES) for row in _name(rng, number, sessions)]
    bars = pl.DataFrame(rows, infer_schema_length=None).sort("session", "security_id")
    floats = ["open", "high", "low", "close", "vwap", "volume", "limit_up", "limit_down", "adj_factor"]
    bars = bars.with_columns(pl.col(floats).cast(pl.Float64))
    universe = bars.select("session", "security_id", is_member=pl.Series(rng.random(len(bars)) < 0.9))
    told = bars.filter(pl.col("session") < sessions[-1]).select("session", "security_id")
    stated = told.with_columns(
        forecast=pl.Series(rng.standard_normal(len(told))), noise_scale=pl.Series(rng.uniform(0, 0.05, len(told)))
    )
    return bars, universe, stated


def wild_spec(rng: np.random.Generator) -> TradingSpec:
    """Random settings."""
    top_k = int(rng.integers(1, 7))
    return TradingSpec(
        holding=("sleeves", "dropout")[rng.integers(2)],
        top_k=top_k,
        drop=int(rng.integers(1, top_k + 1)),
        hold_sessions=int(rng.integers(1, 6)),
        take_profit=(None, 0.01, 0.1)[rng.integers(3)],
        capital=CAPITALS[rng.integers(len(CAPITALS))],
        price=("vwap", "open", "close")[rng.integers(3)],
        participation=(None, 0.01, 0.1)[rng.integers(3)],
        impact=(0.0, 0.7, 5.0)[rng.integers(3)],
        strict=bool(rng.integers(2)),
        max_noise_scale=(None, 0.03)[rng.integers(2)],
    )


def _name(rng: np.random.Generator, number: int, sessions: tuple[date, ...]) -> Iterator[dict[str, object]]:
    """Rows of one security: it may begin late, end early, pause without a row or with one, split and be locked."""
    kind = number % len(BOARDS)
    board, name = BOARDS[kind], f"{PREFIXES[kind]}{number:03d}"
    close, factor = float(np.round(rng.uniform(0.5, 80), 2)), float(rng.uniform(0.5, 3))
    first, last = (0 if rng.random() < 0.7 else int(rng.integers(30))), (60 if rng.random() < 0.7 else 40)
    busy = 10 ** rng.uniform(2, 7)
    for t, session in enumerate(sessions):
        ratio = _event(rng)
        before, factor = max(0.01, round(close / ratio, 2)), factor * ratio
        up, down = round(before * 1.1, 2), max(0.01, round(before * 0.9, 2))
        moved, mark = _bar(rng, before, up, down, busy)
        close = moved["close"] if mark != "suspended" else before
        if first <= t < last and rng.random() > 0.03:
            flags = {f"is_{one}": mark == one for one in ("suspended", "locked_up", "locked_down")}
            shown = dict.fromkeys(moved) if mark == "suspended" else moved
            limits = {"limit_up": up, "limit_down": down, "board": board, "adj_factor": factor}
            yield {"session": session, "security_id": name, **shown, **limits, **flags}


def _event(rng: np.random.Generator) -> float:
    """Adjustment factor over the one before: mostly 1, at times a dividend, a split or a consolidation."""
    lot = rng.random()
    if lot < 0.04:
        return float(rng.uniform(1.002, 1.09))
    return float((1.1, 1.3, 2.0, 2.5, 0.5)[rng.integers(5)]) if lot < 0.07 else 1.0


def _bar(
    rng: np.random.Generator, before: float, up: float, down: float, busy: float
) -> tuple[dict[str, float], str | None]:
    mark = rng.choice(["", "suspended", "locked_up", "locked_down"], p=[0.79, 0.09, 0.06, 0.06])
    fixed = {"locked_up": up, "locked_down": down}.get(mark)
    opened, closed = (fixed or float(np.clip(round(before * np.exp(rng.normal(0, 0.05)), 2), down, up)) for _ in "oc")
    reach = 0.0 if fixed else abs(rng.normal(0, 0.03))
    high = min(max(opened, closed, round(before * (1 + reach), 2)), max(up, opened, closed))
    low = max(min(opened, closed, round(before * (1 - reach), 2)), min(down, opened, closed))
    high, low = (fixed, fixed) if fixed else (high, low)
    volume = float(np.ceil(busy * np.exp(rng.normal(0, 1))))
    vwap = low + (high - low) * rng.random()
    return {"open": opened, "high": high, "low": low, "close": closed, "vwap": vwap, "volume": volume}, mark or None


def broken(found: Simulation, bars: pl.DataFrame, forecasts: pl.DataFrame, spec: TradingSpec) -> list[str]:
    """What a simulation on these bars and forecasts broke, in words; empty where nothing."""
    at = bars.select("session", "security_id", "open", "high", "low", "close", "volume", "limit_up", "limit_down",
                     "is_suspended", "is_locked_up", "is_locked_down", "board")  # fmt: skip
    done = found.orders.filter(pl.col("shares") > 0).join(at, on=["session", "security_id"], how="left")
    market = done.filter(pl.col("reason").is_null() | (pl.col("reason") != "delisted"))
    sells, buys = (market.filter(pl.col("side") == side) for side in ("sell", "buy"))
    outside = (pl.col("price") < pl.col("low") - NOTHING) | (pl.col("price") > pl.col("high") + NOTHING)
    wrong = {
        "a fill outside low and high": market.filter(outside | pl.col("low").is_null()),
        "a fill of a name that is suspended": market.filter("is_suspended"),
        "a buy against a locked upper limit": buys.filter("is_locked_up"),
        "a sale against a locked lower limit": sells.filter("is_locked_down"),
        "a sale in the session of the buy": sells.filter(pl.col("opened") >= pl.col("session")),
        "more filled than asked": done.filter(pl.col("shares") > pl.col("asked")),
        "a buy that is no lot of its board": buys.filter(~_in_lots()),
        "a buy of what its gate bars": _through_gate(buys, forecasts, bars["session"].unique().sort(), spec),
        "more than the share of the usual volume": _above_cap(market, bars, spec),
        "cash below nothing": found.daily.filter(pl.col("cash") < 0),
        "a value that is not cash and positions": _unreconciled(found),
        "cash that its receipts do not explain": _unexplained(found, spec),
        "shares that orders do not explain": _shares(found, bars),
        "a sale that is neither lots nor a whole remainder": _odd_sales(found, bars),
        "a value that is not shares times price to the cent": _values(market),
        "a fee that is not the rule's": _fees(market, spec),
    }
    if spec.strict:
        wrong["a strict buy of what closes at its upper limit"] = buys.filter(pl.col("close") >= pl.col("limit_up"))
        wrong["a strict sale of what closes at its lower"] = sells.filter(pl.col("close") <= pl.col("limit_down"))
    return [f"{what}: {rows.row(0, named=True)}" for what, rows in wrong.items() if len(rows)]


def _in_lots() -> pl.Expr:
    hundreds = pl.col("shares") % 100 == 0
    least = pl.when(pl.col("board") == "star").then(200).otherwise(100)
    ones = (pl.col("shares") >= least) & (pl.col("shares") % 1 == 0)
    return pl.when(pl.col("board").is_in(["star", "bse"])).then(ones).otherwise(hundreds)


def _above_cap(done: pl.DataFrame, bars: pl.DataFrame, spec: TradingSpec) -> pl.DataFrame:
    """Names of which more was traded in a session than the share of the median of the 20 sessions before it."""
    if spec.participation is None:
        return done.clear()
    sessions = bars["session"].unique().sort()
    usual = {}
    for (name,), own in bars.group_by("security_id"):
        factor, volume = (dict(zip(own["session"], own[column], strict=True)) for column in ("adj_factor", "volume"))
        known, scale = None, 1.0
        for place, session in enumerate(sessions):
            scale = factor.get(session) or scale
            window = [volume[day] / factor[day] for day in sessions[max(0, place - 19) : place + 1] if volume.get(day)]
            known = float(np.median(window)) if window else known
            usual[name, session] = known and known * scale
    before = dict(zip(sessions[1:], sessions, strict=False))
    traded = done.group_by("session", "security_id").agg(pl.col("shares").sum())
    caps = [usual[name, before[day]] or 0.0 for day, name in traded.select("session", "security_id").iter_rows()]
    capped = traded.with_columns(cap=pl.Series(caps, dtype=pl.Float64) * spec.participation)
    return capped.filter(pl.col("shares") > pl.col("cap") * (1 + 1e-9) + 1e-6)


def _through_gate(buys: pl.DataFrame, forecasts: pl.DataFrame, sessions: pl.Series, spec: TradingSpec) -> pl.DataFrame:
    """Buys of names that were not stated, or with more noise than the gate lets through, the session before."""
    entries = sessions.to_frame().with_columns(entry=pl.col("session").shift(-1))
    told = forecasts.join(entries, on="session").drop("session").rename({"entry": "session"})
    joined = buys.join(told, on=["session", "security_id"], how="left")
    bound = spec.max_noise_scale or float("inf")
    return joined.filter(pl.col("noise_scale").is_null() | (pl.col("noise_scale") > bound))


def _cents(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round().cast(pl.Int64)


def _unreconciled(found: Simulation) -> pl.DataFrame:
    held = found.positions.group_by("session").agg(_cents("value").sum().alias("held"))
    joined = found.daily.join(held, on="session", how="left").with_columns(pl.col("held").fill_null(0))
    off = (pl.col("nav") * 100 - _cents("nav")).abs() > 1e-4 * (1 + pl.col("nav").abs() * 1e-8)
    return joined.filter((_cents("nav") != _cents("cash") + pl.col("held")) | off)


def _unexplained(found: Simulation, spec: TradingSpec) -> pl.DataFrame:
    paid = _cents("fee") + _cents("dividend_tax")
    flow = pl.when(pl.col("side") == "sell").then(_cents("value") - paid).otherwise(-_cents("value") - paid)
    flows = found.orders.group_by("session").agg(flow.sum().alias("flow"))
    joined = found.daily.join(flows, on="session", how="left").sort("session").with_columns(pl.col("flow").fill_null(0))
    before = _cents("cash").shift(1).fill_null(round(spec.capital * 100))
    return joined.filter(_cents("cash") != before + pl.col("flow") + _cents("dividends"))


def _shares(found: Simulation, bars: pl.DataFrame) -> pl.DataFrame:
    """Shares of a session less those of the one before, where no split could change them; and what sales left."""
    grid = _held(found, bars)
    explained = pl.col("shares") == pl.col("before") + pl.col("flow")
    return grid.filter(~explained | (pl.col("sold") > pl.col("before")))


def _odd_sales(found: Simulation, bars: pl.DataFrame) -> pl.DataFrame:
    """The only sale of a name in a session, where it could be neither whole lots nor all that was left over."""
    boards = bars.select("security_id", "board").unique()
    grid = _held(found, bars).filter(pl.col("sales") == 1, pl.col("sold") < pl.col("before"), pl.col("sold") > 0)
    grid = grid.join(boards, on="security_id")
    odd = pl.col("sold") % 100
    hundreds = (odd == 0) | (odd == pl.col("before") % 100)
    ones = pl.col("sold") >= pl.when(pl.col("board") == "star").then(200).otherwise(100)
    return grid.filter(~pl.when(pl.col("board").is_in(["star", "bse"])).then(ones).otherwise(hundreds))


def _values(done: pl.DataFrame) -> pl.DataFrame:
    amounts = done.select("shares", "price", "value").iter_rows()
    wrong = [
        _rounded(Decimal(str(shares)) * Decimal(str(price))) != Decimal(str(value)) for shares, price, value in amounts
    ]
    return done.filter(pl.Series(wrong, dtype=pl.Boolean))


def _held(found: Simulation, bars: pl.DataFrame) -> pl.DataFrame:
    """Shares before and after each session in which no split or dividend can have changed them, and what was traded."""
    sessions, names = pl.DataFrame(found.daily["session"]), found.orders.select("security_id").unique()
    signed = pl.when(pl.col("side") == "sell").then(-pl.col("shares")).otherwise(pl.col("shares"))
    sold = pl.when(pl.col("side") == "sell").then(pl.col("shares")).otherwise(0.0)
    flows = found.orders.group_by("session", "security_id").agg(
        flow=signed.sum(), sold=sold.sum(), sales=(sold > 0).sum()
    )
    keys = ["session", "security_id"]
    factors = bars.select(*keys, "adj_factor")
    grid = sessions.join(names, how="cross").join(found.positions.select(*keys, "shares"), on=keys, how="left")
    grid = grid.join(flows, on=keys, how="left").join(factors, on=keys, how="left").sort("security_id", "session")
    grid = grid.with_columns(
        pl.col("shares", "flow", "sold").fill_null(0.0),
        factor=pl.col("adj_factor").forward_fill().over("security_id"),
    )
    grid = grid.with_columns(
        before=pl.col("shares").shift(1).over("security_id").fill_null(0.0),
        steady=(pl.col("factor") == pl.col("factor").shift(1).over("security_id")).fill_null(False),
    )
    return grid.filter("steady")


def _fees(done: pl.DataFrame, spec: TradingSpec) -> pl.DataFrame:
    """Orders whose commission, stamp duty or transfer fee is not what decimal arithmetic gives."""
    bad = []
    known = {where: {row["session"]: row for row in rates(done["session"].unique(), where).iter_rows(named=True)}
             for where in ("sse", "szse", "bse")}  # fmt: skip
    for place, row in enumerate(done.iter_rows(named=True)):
        where = {"sh": "sse", "sz": "szse", "bj": "bse"}[row["security_id"][:2]]
        rate, value = known[where][row["session"]], Decimal(str(row["value"]))
        duty = rate[f"stamp_duty_{row['side']}"]
        by_share = Decimal(str(row["shares"])) * Decimal(str(rate["transfer_fee_per_share"]))
        expected = {
            "commission": max(_rounded(value * Decimal(str(spec.commission))), Decimal(5)),
            "stamp_duty": _rounded(value * Decimal(str(duty))),
            "transfer_fee": _rounded(value * Decimal(str(rate["transfer_fee"]))) + _rounded(by_share),
        }
        if any(Decimal(str(row[name])) != amount for name, amount in expected.items()):
            bad.append(place)
    return done[bad]


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
