"""Schemas of the tables that several stages share: names, types, units and row rules.

A schema states its asset key once. The `table` decorator finds inputs and outputs by it, the catalogue takes column
types from it, and a frame that breaks a rule is refused at the boundary of its stage.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import dataframely as dy
import polars as pl

EXCHANGE_TIME_ZONE = "Asia/Shanghai"
LONGEST_CLOSURE = timedelta(days=10)
"""The exchange never closes for longer: a span that ends so close to a window's edge holds all its sessions."""


class Table(dy.Schema):
    """A table of the warehouse.

    asset_key  path in the asset graph, with slashes
    dated_by   the date column that decides in which month a row of a monthly table lies
    """

    asset_key: ClassVar[str] = ""
    dated_by: ClassVar[str] = "session"


class Keyed(Table):
    """One row per session and security."""

    session = dy.Date(primary_key=True, metadata={"definition": "trading day"})
    security_id = dy.String(primary_key=True, metadata={"definition": "permanent identity of the security"})


def instant(definition: str, *, nullable: bool = False) -> dy.Datetime:
    """An instant in exchange time."""
    return dy.Datetime(
        time_zone=EXCHANGE_TIME_ZONE, time_unit="us", nullable=nullable, metadata={"definition": definition}
    )


def price(definition: str) -> dy.Float64:
    """A price in yuan per share, as traded; null where there was no trade."""
    return dy.Float64(nullable=True, metadata={"definition": definition, "unit": "yuan per share, as traded"})


class RawBars(Table):
    """Daily bars as a source delivers them, in our names and units; nothing is judged yet, so anything may be null."""

    asset_key: ClassVar[str] = "raw/bars"

    session = dy.Date(nullable=True)
    security_id = dy.String(nullable=True)
    board = dy.String(nullable=True, metadata={"definition": "main, chinext, star or bse"})
    listed_on = dy.Date(nullable=True, metadata={"definition": "first session of the security, null where unknown"})
    is_st = dy.Bool(nullable=True, metadata={"definition": "under special treatment (ST, *ST), as known that session"})
    is_suspended = dy.Bool(nullable=True, metadata={"definition": "no trading in this session"})
    is_unreformed = dy.Bool(
        nullable=True, metadata={"definition": "share reform not done (S in the name) in that session; null: not told"}
    )
    open = price("first trade")
    high = price("highest trade")
    low = price("lowest trade")
    close = price("last trade")
    volume = dy.Float64(nullable=True, metadata={"unit": "shares"})
    amount = dy.Float64(nullable=True, metadata={"unit": "yuan"})
    prev_close = price("ex-right reference price of the exchange")
    adj_factor = dy.Float64(nullable=True, metadata={"definition": "close * adj_factor is the backward-adjusted close"})
    available_at = dy.Datetime(time_zone=EXCHANGE_TIME_ZONE, time_unit="us", nullable=True)
    delivery = dy.String(nullable=True, metadata={"definition": "file or generator that the row came from"})
    source_objection = dy.String(
        nullable=True, metadata={"definition": "why the source itself tells us not to use the row; null for nearly all"}
    )


class Deliveries(Table):
    """What a source brought, file by file, and why a file could not be read; the others stay in use."""

    asset_key: ClassVar[str] = "raw/deliveries"

    delivery = dy.String(primary_key=True, metadata={"definition": "file or generator"})
    rows = dy.Int64(min=0)
    status = dy.String(metadata={"definition": "read or refused"})
    reason = dy.String(nullable=True, metadata={"definition": "what was found, what is allowed and what to do"})


class RefusedBars(Table):
    """Raw rows that were not accepted, each with its reason; nothing is thrown away."""

    asset_key: ClassVar[str] = "cleaning/refused_bars"

    session = dy.Date(nullable=True)
    security_id = dy.String(nullable=True)
    reason = dy.String(metadata={"definition": "the rule that refused the row, and the values found"})
    rule = dy.String(metadata={"definition": "short name of the rule, for counting"})
    open = price("first trade")
    high = price("highest trade")
    low = price("lowest trade")
    close = price("last trade")
    volume = dy.Float64(nullable=True, metadata={"unit": "shares"})
    amount = dy.Float64(nullable=True, metadata={"unit": "yuan"})
    delivery = dy.String(nullable=True)


class Calendar(Table):
    """The sessions of the exchange, read off the bars: dates on which enough securities traded."""

    asset_key: ClassVar[str] = "cleaning/calendar"

    session = dy.Date(primary_key=True)
    securities_traded = dy.UInt32(metadata={"definition": "securities with a trade in this session"})


class Bars(Keyed):
    """Accepted daily bars with their VWAP, price limits and flags; a suspended session has a row without prices."""

    asset_key: ClassVar[str] = "cleaning/bars"

    board = dy.String(metadata={"definition": "main, chinext, star or bse"})
    open = price("first trade")
    high = price("highest trade")
    low = price("lowest trade")
    close = price("last trade")
    vwap = price("amount / volume")
    volume = dy.Float64(min=0, metadata={"unit": "shares"})
    amount = dy.Float64(min=0, metadata={"unit": "yuan"})
    prev_close = price("ex-right reference price of the exchange")
    adj_factor = dy.Float64(
        nullable=True, min_exclusive=0, metadata={"definition": "close * adj_factor is the backward-adjusted close"}
    )
    limit_up = price("highest price allowed, null on a session without a limit")
    limit_down = price("lowest price allowed, null on a session without a limit")
    is_suspended = dy.Bool()
    is_st = dy.Bool()
    is_new_listing = dy.Bool(metadata={"definition": "fewer than 60 sessions since listing"})
    is_locked_up = dy.Bool(metadata={"definition": "every trade was at the upper limit: it could not be bought"})
    is_locked_down = dy.Bool(metadata={"definition": "every trade was at the lower limit: it could not be sold"})
    available_at = instant("when the row could be known")

    @dy.rule()
    def a_traded_row_has_prices(cls) -> pl.Expr:
        """Only a suspended session may lack prices."""
        priced = pl.all_horizontal(pl.col("open", "high", "low", "close", "vwap").is_not_null())
        return pl.col("is_suspended") | priced

    @dy.rule()
    def prices_are_ordered(cls) -> pl.Expr:
        """Open and close lie between low and high."""
        inside = pl.all_horizontal(pl.col(c).is_between(pl.col("low"), pl.col("high")) for c in ("open", "close"))
        return pl.col("is_suspended") | inside


class Universe(Keyed):
    """Which names the study looks at, as known after the session; a name left out keeps its row and the reason."""

    asset_key: ClassVar[str] = "cleaning/universe"

    is_member = dy.Bool(metadata={"definition": "may be forecast and chosen"})
    left_out_because = dy.String(
        nullable=True, metadata={"definition": "the first rule that masks the bar; null for members"}
    )
    is_manipulation_suspect = dy.Bool(metadata={"definition": "the session looks like part of a pump and dump"})


class ForwardReturns(Table):
    """What a decision after the session would have earned, VWAP to VWAP, with the true interval of each label."""

    asset_key: ClassVar[str] = "targets/forward_returns"

    session = dy.Date(primary_key=True, metadata={"definition": "session after which the decision is made"})
    security_id = dy.String(primary_key=True)
    horizon = dy.Int32(primary_key=True, min=1, metadata={"unit": "sessions from entry to the planned exit"})
    entered_at = instant("start of the entry session", nullable=True)
    exited_at = instant("end of the session in which the name could be sold", nullable=True)
    forward_return = dy.Float64(
        nullable=True,
        metadata={"unit": "simple return", "definition": "null unless the buy filled and the exit is known"},
    )
    paper_return = dy.Float64(
        nullable=True,
        metadata={"unit": "simple return", "definition": "as if the buy always filled; null while pending"},
    )
    status = dy.String(metadata={"definition": "filled, refused_suspended, refused_locked_up or pending"})


class Forecasts(Table):
    """Forecasts of one fold, for the validation and the test window, one row per seed."""

    session = dy.Date(primary_key=True)
    security_id = dy.String(primary_key=True)
    seed = dy.Int32(primary_key=True)
    segment = dy.String(metadata={"definition": "valid or test"})
    fold = dy.String(metadata={"definition": "calendar start of the test window"})
    forecast = dy.Float64(metadata={"definition": "higher is better; comparable within a session only"})
    noise_scale = dy.Float64(
        nullable=True, metadata={"definition": "standard deviation of the return around what is forecast, if stated"}
    )
    probability = dy.Float64(nullable=True, metadata={"definition": "of a return above 0, if stated"})
    probability_std = dy.Float64(
        nullable=True, metadata={"definition": "standard deviation of that probability itself, if stated"}
    )
    decided_at = instant("the forecast uses nothing that was available later")


class WalkForwards(Table):
    """The parent run of a walk-forward in the tracking store."""

    walk_forward_id = dy.String(metadata={"definition": "digest of settings, code and market"})
    run_id = dy.String(metadata={"definition": "MLflow run under which folds and seeds have theirs"})


class GateVerdict(Table):
    """Whether a stage passed, why not, and which versions were judged; training reads it and refuses any other."""

    stage = dy.String(primary_key=True)
    passed = dy.Bool()
    failures = dy.String(metadata={"definition": "what failed and where, one line each; empty when it passed"})
    expectations = dy.Int32()
    evidence_hash = dy.String()
    judged = dy.String(metadata={"definition": "JSON: asset -> code version and content hash of each partition"})
    results = dy.String(metadata={"definition": "JSON: evidence table -> what Great Expectations found in it"})


class DataDocs(Table):
    """What the pages of Great Expectations show: every evidence table of every stage, and how it was judged."""

    asset_key: ClassVar[str] = "gate/data_docs"

    stage = dy.String(primary_key=True)
    table = dy.String(primary_key=True, metadata={"definition": "evidence table, or a table derived of it"})
    expectations = dy.Int32()
    failed = dy.Int32(metadata={"definition": "expectations that failed or could not be computed"})
    evidence_hash = dy.String()
