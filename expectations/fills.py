"""Fills: whether a label was bought and sold where, when and for what its sessions allowed.

`execution` says that a buy could fill; `fills` that both ends of the position stand in later sessions of their own, and
that what was earned lies between what the two sessions' prices can give.
"""

from __future__ import annotations

import polars as pl

from expectations.decisions import DECIDED_HOUR, decided_at
from expectations.evidence import EXECUTION
from expectations.rules import rule

LABELS_LOOKED_AT = 400_000
"""Of more labels every so-manyth is looked at, an odd number, so that no horizon is passed over."""
HALF_A_CENT = 0.005
RTOL = 1e-9
AT = ("is_suspended", "is_locked_down", "low", "high", "adj_factor")


def execution(labels: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """By rule, how many filled labels could not have been traded so, and how many bars have an impossible VWAP.

    labels   rows of ForwardReturns
    bars     rows of Bars, at least of the entry sessions
    returns  EXECUTION; a rule that met no row shows nothing, and fails
    """
    entry, left = pl.col("entered_at").dt.date(), pl.col("exited_at").dt.date()
    at_entry = bars.select("security_id", "is_suspended", "is_locked_up", entry="session", has_bar=True)
    filled = labels.filter(status="filled").with_columns(entry=entry)
    filled = filled.join(at_entry, on=["entry", "security_id"], how="left", maintain_order="left")
    traded = bars.filter(~pl.col("is_suspended"))
    low, high = pl.col("low") - HALF_A_CENT, pl.col("high") + HALF_A_CENT
    rows = [
        rule("a buy fills in a later session than its decision", filled, entry > pl.col("session")),
        rule("a position ends in a later session than it began", filled, left > entry),
        rule("a buy fills only where there is a bar", filled, pl.col("has_bar")),
        rule("a buy fills only where there is trading", filled, ~pl.col("is_suspended")),
        rule("a buy never fills at a locked upper limit", filled, ~pl.col("is_locked_up")),
        rule("the vwap of a bar lies between its low and its high", traded, pl.col("vwap").is_between(low, high)),
    ]
    return pl.DataFrame(rows, schema=EXECUTION)


def fills(
    labels: pl.DataFrame, bars: pl.DataFrame, calendar: pl.DataFrame, decided_hour: int = DECIDED_HOUR
) -> pl.DataFrame:
    """By rule, how many filled labels no order could have had.

    labels        rows of ForwardReturns; at most 400,000 of them are looked at, evenly over the table
    bars          rows of Bars, of all sessions in which a label is entered or left
    calendar      rows of Calendar
    decided_hour  hour of the decision, exchange time
    returns       EXECUTION; a rule that met no row shows nothing, and fails. What a delisted name leaves behind is no
                  sale: the rules of a sale look at exits in a session in which the name has a row
    """
    labels = labels.gather_every((1 + labels.height // LABELS_LOOKED_AT) | 1)
    filled = _placed(labels.filter(status="filled"), calendar, bars)
    sold = filled.filter(pl.col("is_suspended_exit").is_not_null())
    entry, left = pl.col("_entry"), pl.col("_left")
    after = pl.col("entered_at") > decided_at(pl.col("session"), decided_hour)
    lasted = left - entry >= pl.col("horizon")
    ratio = (1 + pl.col("forward_return")) * pl.col("adj_factor_entry") / pl.col("adj_factor_exit")
    least = (pl.col("low_exit") - HALF_A_CENT) / (pl.col("high_entry") + HALF_A_CENT)
    most = (pl.col("high_exit") + HALF_A_CENT) / (pl.col("low_entry") - HALF_A_CENT)
    rows = [
        rule("a decision comes before its entry", filled, after),
        rule("an entry is in the next session of the calendar", filled, entry == pl.col("_decided") + 1),
        rule("what is bought is not sold in the same session", filled, left > entry),
        rule("a position lasts its horizon, counted in sessions of the calendar", filled, lasted),
        rule("a sale is made only where there is trading", sold, ~pl.col("is_suspended_exit")),
        rule("a sale is never made at a locked lower limit", sold, ~pl.col("is_locked_down_exit")),
        rule(
            "what is earned lies between the lowest and the highest price of entry and exit",
            sold,
            ratio.is_between(least * (1 - RTOL), most * (1 + RTOL)),
        ),
        rule(
            "a label that did not fill has no return",
            labels.filter(pl.col("status") != "filled"),
            pl.col("forward_return").is_null(),
        ),
    ]
    return pl.DataFrame(rows, schema=EXECUTION)


def _placed(filled: pl.DataFrame, calendar: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """The labels with the places of their sessions and what the bars of entry and exit say, null without a row."""
    sessions = calendar["session"].unique().sort().to_frame().with_row_index("_place").cast({"_place": pl.Int64})
    entered, left = (pl.col(name).dt.date() for name in ("entered_at", "exited_at"))
    on = {"_decided": pl.col("session"), "_entry": entered, "_left": left}
    places = sessions["session"], sessions["_place"]
    dated = filled.with_columns(
        day.replace_strict(*places, default=None, return_dtype=pl.Int64).alias(name) for name, day in on.items()
    )
    needed = bars.select("session", "security_id", *AT).join(sessions, on="session").drop("session")
    for name in ("entry", "exit"):
        other = needed.rename({column: f"{column}_{name}" for column in AT})
        by = "_entry" if name == "entry" else "_left"
        dated = dated.join(other, left_on=[by, "security_id"], right_on=["_place", "security_id"], how="left")
    return dated.sort("session", "security_id", "horizon")
