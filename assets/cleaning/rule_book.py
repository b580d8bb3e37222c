"""Rule book: the dated trading rules of the A-share market, as rows with their source, and how a frame looks them up.

The rows are in `rule_book.csv` beside this module. A row holds from its date `from` to its date `until`, both included;
an empty `until` is open. An empty cell of board, exchange, is_st or phase fits anything. A rule is one `value` or a
range from `low` to `high`. `none` says that the rule does not hold (no limit, no such auction); `unknown` says that it
is not recorded here, and why stands in the note. A row whose value or date nobody has read in a source is not
`confirmed`. Of one rule no two rows fit the same case, and once it has begun every later date is covered.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl

BOARDS = ("main", "chinext", "star", "bse")
EXCHANGES = ("sse", "szse", "bse")
UNSAID = ("none", "unknown")

UNITS: dict[str, type[pl.DataType]] = {
    "percent": pl.Int64,
    "sessions": pl.Int64,
    "ticks": pl.Int64,
    "shares": pl.Int64,
    "times": pl.Int64,
    "yuan": pl.Float64,
    "yuan per share": pl.Float64,
    "yuan per order": pl.Float64,
    "share of value": pl.Float64,
    "share of dividend": pl.Float64,
    "clock time": pl.Time,
    "month and day": pl.String,
    "index": pl.String,
}


@dataclass(frozen=True)
class Rule:
    """What the rows of one rule hold: their unit, a range or one value, and the phases they may name."""

    unit: str
    is_range: bool = False
    phases: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """Columns of the file that are filled."""
        return ("low", "high") if self.is_range else ("value",)


TRADING_PHASES = ("ordinary", "unreformed", "listing", "delisting_first", "delisting")
HOLDING_PHASES = ("held_to_one_month", "held_to_one_year", "held_longer")
REPORTS = ("annual", "first_quarter", "half_year", "third_quarter", "annual_forecast")

RULES = {
    "price_band": Rule("percent", is_range=True, phases=TRADING_PHASES),
    "listing_sessions": Rule("sessions"),
    "opening_call_range": Rule("percent", is_range=True, phases=TRADING_PHASES),
    "delisting_sessions": Rule("sessions"),
    "tick_size": Rule("yuan"),
    "one_tick_floor": Rule("ticks"),
    "one_tick_floor_up_to": Rule("yuan", phases=TRADING_PHASES),
    "lot_minimum": Rule("shares"),
    "lot_step": Rule("shares"),
    "lot_cap_limit": Rule("shares"),
    "lot_cap_market": Rule("shares"),
    "settlement_sessions": Rule("sessions"),
    "sale_proceeds_sessions": Rule("sessions"),
    "opening_call": Rule("clock time", is_range=True),
    "morning": Rule("clock time", is_range=True),
    "afternoon": Rule("clock time", is_range=True),
    "closing_call": Rule("clock time", is_range=True),
    "after_hours": Rule("clock time", is_range=True),
    "stamp_duty_buy": Rule("share of value"),
    "stamp_duty_sell": Rule("share of value"),
    "transfer_fee": Rule("share of value"),
    "transfer_fee_per_share": Rule("yuan per share"),
    "commission_cap": Rule("share of value"),
    "commission_minimum": Rule("yuan per order"),
    "handling_fee": Rule("share of value"),
    "regulatory_levy": Rule("share of value"),
    "dividend_tax": Rule("share of dividend", phases=HOLDING_PHASES),
    "deviation_3d": Rule("percent", is_range=True),
    "deviation_10d": Rule("percent", is_range=True),
    "deviation_30d": Rule("percent", is_range=True),
    "same_direction_10d": Rule("times"),
    "turnover_3d": Rule("percent"),
    "turnover_multiple": Rule("times"),
    "deviation_index": Rule("index"),
    "report_deadline": Rule("month and day", phases=REPORTS),
}

SCOPES: dict[str, tuple[str, ...]] = {
    "board": BOARDS,
    "exchange": EXCHANGES,
    "is_st": ("false", "true"),
    "phase": (*TRADING_PHASES, *HOLDING_PHASES, *REPORTS),
}
SCOPE = tuple(SCOPES)
NO_DATE = -1_000_000  # days from 1970, long before any session
ABNORMAL = ("deviation_3d", "deviation_10d", "deviation_30d", "same_direction_10d", "turnover_3d", "turnover_multiple")


@cache
def rule_book() -> pl.DataFrame:
    """Every row of the file, checked: dates and flags typed, `value`, `low` and `high` as they are written."""
    return checked(pl.read_csv(Path(__file__).with_suffix(".csv"), infer_schema=False))


def look_up(frame: pl.DataFrame, *rules: str, dated_by: str = "session", confirmed: bool = False) -> pl.DataFrame:
    """The rows of `frame` in their order with what each of the rules says for them, in the unit of the rule.

    frame      column `dated_by`, and those of board, exchange, is_st and phase that rows of a rule name
    dated_by   column with the date that decides
    confirmed  also add `<rule>_confirmed`: whether a source was read; null where no row fits
    returns    `<rule>`, or `<rule>_low` and `<rule>_high`; null where no row fits, and for none and unknown
    raises     KeyError for a rule that the book does not have, ValueError for a frame without a column that decides
    """
    asked = [dated_by, *(name for name in SCOPE if any(name in _named(rule) for rule in rules))]
    if missing := [name for name in asked if name not in frame.columns]:
        raise ValueError(f"{', '.join(rules)} depend on the columns {asked}; the frame lacks {missing}")
    numbered = frame.with_columns(_case=_case(asked))
    cases = numbered.select(*asked, "_case").unique("_case")
    found = pl.concat(
        [cases.select("_case"), *(_said(cases, rule, dated_by, confirmed) for rule in rules)], how="horizontal"
    )
    return numbered.join(found, on="_case", how="left", maintain_order="left").drop("_case")


def _case(asked: list[str]) -> pl.Expr:
    """One number for what decides in a row: joining on it is several times faster than on the columns themselves."""
    number = pl.col(asked[0]).to_physical().cast(pl.Int64).fill_null(NO_DATE)
    for name in asked[1:]:
        known = SCOPES[name]
        coded = pl.col(name) if name == "is_st" else pl.col(name).cast(pl.Enum(known), strict=False).to_physical()
        number = number * (len(known) + 1) + (coded.cast(pl.Int64) + 1).fill_null(0)
    return number


def _said(cases: pl.DataFrame, rule: str, dated_by: str, confirmed: bool) -> pl.DataFrame:
    """What one rule says for each case, row by row."""
    rows = _typed(rule)
    columns = [*_columns(rule), *([f"{rule}_confirmed"] if confirmed else [])]
    fits = [pl.col(f"{name}_of_rule").is_null() | (pl.col(name) == pl.col(f"{name}_of_rule")) for name in _named(rule)]
    dated = pl.col(dated_by).is_between(pl.col("from"), pl.col("until").fill_null(date.max))
    numbered = cases.select(dated_by, *_named(rule)).with_row_index("case")
    pairs = numbered.join(rows.rename({name: f"{name}_of_rule" for name in SCOPE}), how="cross")
    found = pairs.filter(dated, *fits).select("case", *columns)
    return (
        numbered.select("case").join(found, on="case", how="left", maintain_order="left", validate="1:1").drop("case")
    )


@cache
def _named(rule: str) -> tuple[str, ...]:
    """The columns of the scope that rows of the rule name."""
    rows = _typed(rule)
    return tuple(name for name in SCOPE if rows[name].null_count() < rows.height)


def exchange() -> pl.Expr:
    """The exchange of each row, from its columns board and security_id."""
    in_shenzhen = pl.col("security_id").str.starts_with("sz") | (pl.col("board") == "chinext")
    return (
        pl.when(pl.col("board") == "bse")
        .then(pl.lit("bse"))
        .when(in_shenzhen)
        .then(pl.lit("szse"))
        .otherwise(pl.lit("sse"))
    )


def abnormal_fluctuation(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with the exchanges' thresholds of abnormal and severe abnormal fluctuation; null: no such criterion.

    frame    columns session, board, is_st
    returns  deviation_{3,10,30}d_{low,high}: simple return of the window (last close / close before the window - 1)
             less that of the index of `deviation_index` (a rule that also asks for the exchange); reached: abnormal
             at 3 sessions, severe at 10 and 30. same_direction_10d: so many abnormal fluctuations of one direction in
             10 sessions are severe. turnover_3d (share of the float) and turnover_multiple (mean of 3 sessions over
             the mean of the 5 before), abnormal where both are reached. abnormal_fluctuation_confirmed: those that hold
             were all read in a source. Counts begin anew after an announcement or a resumption.
    """
    found = look_up(frame, *ABNORMAL, confirmed=True)
    percent = [name for rule in ABNORMAL if RULES[rule].unit == "percent" for name in _columns(rule)]
    marks = [f"{rule}_confirmed" for rule in ABNORMAL]
    return found.with_columns(
        (pl.col(percent) / 100).round(2),
        abnormal_fluctuation_confirmed=pl.all_horizontal(pl.col(marks).fill_null(True)),
    ).drop(marks)


def checked(book: pl.DataFrame) -> pl.DataFrame:
    """The rows of the file with their types.

    raises  ValueError, naming the rows, for an unknown rule, board, exchange, phase, unit or mark, a value that is no
            number of its unit, a missing value, source or reason, two rows for one case, and an uncovered date
    """
    try:
        typed = book.with_row_index("line", offset=2).with_columns(
            pl.col("from", "until").str.to_date("%Y-%m-%d"),
            is_st=_flag("is_st"),
            confirmed=_flag("confirmed"),
        )
        for line in typed.iter_rows(named=True):
            _check_row(line)
        for rule in typed["rule"].unique(maintain_order=True):
            _typed_rows(typed, rule)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"rule_book.csv holds a cell that is not of its column or unit: {error}") from error
    for rule in typed["rule"].unique(maintain_order=True):
        _check_dates(typed.filter(pl.col("rule") == rule))
    return typed.drop("line")


def _check_row(line: dict[str, object]) -> None:
    where = f"rule_book.csv line {line['line']} ({line['rule']})"
    rule = RULES.get(str(line["rule"]))
    if rule is None:
        raise ValueError(f"{where}: no such rule; known are {sorted(RULES)}")
    allowed: dict[str, tuple[object, ...]] = {
        "board": (None, *BOARDS),
        "exchange": (None, *EXCHANGES),
        "phase": rule.phases or (None,),
    }
    allowed |= {"unit": (rule.unit,), "confirmed": (True, False)}
    for name, values in allowed.items():
        if line[name] not in values:
            raise ValueError(f"{where}: {name} is {line[name]}; allowed is {list(values)}")
    for name in ("value", "low", "high"):
        if (line[name] is not None) != (name in rule.cells):
            raise ValueError(f"{where}: fill {list(rule.cells)} and nothing else; {name} is {line[name]}")
    if line["source"] is None or ("unknown" in (line["value"], line["low"]) and line["note"] is None):
        raise ValueError(f"{where}: a row states its source, and an unknown its reason in the note")
    if line["from"] is None or (line["until"] is not None and line["until"] < line["from"]):  # type: ignore[operator]
        raise ValueError(f"{where}: it holds from {line['from']} until {line['until']}")


def _check_dates(rows: pl.DataFrame) -> None:
    """Within every case the rows follow each other day by day, and the last one is open."""
    in_order = rows.sort("from").rows(named=True)
    for case in _cases(rows["rule"][0]):
        decides = {name: (None, value) for name, value in case.items() if value is not None}
        fits = [row for row in in_order if all(row[name] in allowed for name, allowed in decides.items())]
        lines = [(row["line"], row["from"], row["until"]) for row in fits]
        for (before, _, until), (line, begins, _) in itertools.pairwise(lines):
            if until is None or until >= begins:
                raise ValueError(f"rule_book.csv lines {before} and {line} both hold on {begins} for {case}")
            if until + timedelta(days=1) != begins:
                raise ValueError(
                    f"rule_book.csv says nothing for {case} between lines {before} and {line}, from "
                    f"{until + timedelta(days=1)}; add a row, with none or unknown if need be"
                )
        if lines and lines[-1][2] is not None:
            raise ValueError(
                f"rule_book.csv line {lines[-1][0]} ends on {lines[-1][2]} and nothing follows for {case}; "
                "add a row, with none if the rule was given up"
            )


def _cases(rule: str) -> Iterator[dict[str, object]]:
    """Every combination of board, exchange, is_st and phase that can occur."""
    places = (("main", "sse"), ("main", "szse"), ("chinext", "szse"), ("star", "sse"), ("bse", "bse"))
    for (board, where), is_st, phase in itertools.product(places, (False, True), RULES[rule].phases or (None,)):
        yield {"board": board, "exchange": where, "is_st": is_st, "phase": phase}


def _flag(name: str) -> pl.Expr:
    return pl.col(name).replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)


def _columns(rule: str) -> list[str]:
    return [f"{rule}_low", f"{rule}_high"] if RULES[rule].is_range else [rule]


@cache
def _typed(rule: str) -> pl.DataFrame:
    if rule not in RULES:
        raise KeyError(f"the rule book has no rule {rule}; it has {sorted(RULES)}")
    return _typed_rows(rule_book(), rule)


def _typed_rows(book: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Scope and dates of the rows of a rule, and what they say in the type of its unit; null for none and unknown."""
    rows = book.filter(pl.col("rule") == rule)
    said = [pl.when(~pl.col(cell).is_in(UNSAID)).then(pl.col(cell)).alias(cell) for cell in RULES[rule].cells]
    kind = UNITS[RULES[rule].unit]
    read = [
        pl.col(cell).str.to_time("%H:%M").alias(name) if kind == pl.Time else pl.col(cell).cast(kind).alias(name)
        for cell, name in zip(RULES[rule].cells, _columns(rule), strict=True)
    ]
    return rows.with_columns(said).select(
        *SCOPE, "from", "until", *read, pl.col("confirmed").alias(f"{rule}_confirmed")
    )
