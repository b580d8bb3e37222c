"""Fact mapping: how the columns, dates and codes of foreign files become our raw facts, and from when they count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from expectations.facts import RAW_FACTS
from expectations.tables import EXCHANGE_TIME_ZONE, Table

TABLES: dict[str, type[Table]] = {table.asset_key.split("/")[1]: table for table in RAW_FACTS}
Name = Literal[
    "statements",
    "news",
    "policy_events",
    "supply_chain",
    "industries",
    "index_members",
    "float_shares",
    "index_bars",
]
CODES = ("security_id", "supplier_id", "customer_id")
FILLED = ("known_on", "available_at", "delivery")
QUARTER = "YYYYQQ"
KNOWN, BEGAN, ENDED = "_known", "_began", "_ended"
Code = Literal["sh600000", "sh.600000", "600000.SH", "600000"]


class Part(BaseModel):
    """A part of a mapping: frozen, and unknown keys are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ratio(Part):
    """One column divided by another, to the nearest whole number: shares are a market value over a price."""

    of: str
    over: str


class Joined(Part):
    """Several columns one after another, with a space between: what names a row only together."""

    join: tuple[str, ...] = Field(min_length=2)


class Known(Part):
    """From when on a row counts; exactly one of `instant`, `day`, `deadline`, `snapshot` and `began`.

    instant   a column of date and time, read as `format` says, in `time_zone`
    day       a column of dates: it counts from the hour `at` on, `days_later` days after it (the next day)
    deadline  no date was delivered: the statement counts from the day after its legal deadline
    snapshot  one date for the whole file: it counts from `at` on the day after
    began     a column of dates from which something held; `ended` is the column of dates on which it no longer did,
              null where it lasts. One row becomes two changes, each known `days_later` days after its date.
    """

    instant: str | None = None
    day: str | None = None
    deadline: Literal[True] | None = None
    snapshot: date | None = None
    began: str | None = None
    ended: str | None = None
    format: str | None = Field(None, description="as strftime writes it; left out: 2015-06-01 or 2015-06-01 09:30:00")
    time_zone: str = EXCHANGE_TIME_ZONE
    at: time = time(8)
    days_later: int = Field(1, ge=0)

    @model_validator(mode="after")
    def one_way(self) -> Self:
        """Exactly one way to tell."""
        ways = {name: getattr(self, name) for name in ("instant", "day", "deadline", "snapshot", "began")}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            raise ValueError(f"`known` gives {given or 'nothing'}; give exactly one of {list(ways)}")
        if self.ended and not self.began:
            raise ValueError("`known` gives `ended` without `began`")
        return self

    @field_validator("at", mode="before")
    @classmethod
    def time_is_text(cls, value: Any) -> Any:
        """YAML reads 16:00 without quotes as the number 960."""
        if isinstance(value, int):
            raise ValueError(f'{value} is no time of day; put it in quotes: "16:00"')
        return value

    def reads(self) -> list[tuple[str, str]]:
        """Columns of the file, each with the name of the instant that is made of it."""
        told = ((self.instant, KNOWN), (self.day, KNOWN), (self.began, BEGAN), (self.ended, ENDED))
        return [(column, made) for column, made in told if column is not None]


class FactFiles(Part):
    """Files of one fact table: for each of our columns the name in the files, a ratio, or several to be joined.

    `folder` is relative to the folder of the bars. `values` are the same in every row (kind: news). `units` are factors
    (total_shares: 10000). With `only_changes` a row that tells of its key what the row before told is left out.
    """

    table: Name
    files: str = Field(description="glob inside the folder")
    format: Literal["parquet", "csv"]
    columns: dict[str, str | Ratio | Joined]
    known: Known
    folder: str = "."
    separator: str = ","
    values: dict[str, str | bool | int] = Field(default_factory=dict)
    units: dict[str, float] = Field(default_factory=dict)
    date_format: str | None = Field(None, description=f"for dates kept as text; {QUARTER}: 201402 ends on 2014-06-30")
    code_format: Code = "sh600000"
    only_changes: bool = False

    @model_validator(mode="after")
    def names_are_ours(self) -> Self:
        """Only names of the table, each once, and every one that has no other source."""
        allowed = [name for name in self.raw_table.column_names() if name not in FILLED]
        named = [*self.columns, *self.values]
        wanted = {name for name in allowed if name not in _optional(self.raw_table) and not self._implied(name)}
        unknown, missing = sorted(set(named) - set(allowed)), sorted(wanted - set(named))
        if unknown or missing or len(named) != len(set(named)):
            raise ValueError(
                f"{self.table}: unknown names {unknown}, missing names {missing}, or one named twice among {named}; "
                f"its names are {allowed}"
            )
        if stray := sorted(set(self.units) - set(self._numbers())):
            raise ValueError(f"{self.table}: `units` names {stray}; it may name {self._numbers()}")
        if self.known.deadline and self.table != "statements":
            raise ValueError(f"{self.table}: only statements have a legal deadline; give another `known`")
        return self

    @property
    def raw_table(self) -> type[Table]:
        """The raw table that the files bring."""
        return TABLES[self.table]

    @property
    def key(self) -> tuple[str, ...]:
        """Our columns that say what a row is about: texts and dates, without what is told of it."""
        told = ("title", "body", "theme", "kind", "published_on")
        types = self.raw_table.columns()
        keyed = [n for n, c in types.items() if c.dtype in (pl.String, pl.Date) and n not in (*told, *FILLED)]
        return tuple(keyed)

    def reads(self) -> list[tuple[str, str]]:
        """Columns of the file, each with the name of what is made of it."""
        ours = [(column, name) for name, theirs in self.columns.items() for column in _named(theirs)]
        return [*ours, *self.known.reads()]

    def facts(self, file: pl.Schema) -> dict[str, pl.Expr]:
        """Our columns, without what `known` tells, as expressions over a file of the given schema."""
        types = {name: column.dtype for name, column in self.raw_table.columns().items()}
        found = {name: self._column(name, theirs, types[name], file) for name, theirs in self.columns.items()}
        fixed = {name: pl.lit(value).cast(types[name]) for name, value in self.values.items()}
        first = {"revision": pl.lit(0, pl.Int32)} if "revision" in types else {}
        begins = {"holds": pl.lit(value=True)} if "holds" in types else {}
        return {**first, **begins, **found, **fixed}

    def day(self, column: str, kind: pl.DataType, written: str | None) -> pl.Expr:
        """A column as a date, null where it is none."""
        if kind == pl.Date:
            return pl.col(column)
        if isinstance(kind, pl.Datetime):
            return pl.col(column).dt.date()
        text = pl.col(column).cast(pl.String).str.strip_chars()
        if written == QUARTER:
            quarter = text.str.extract(r"^\d{4}0([1-4])$").cast(pl.Int32)
            return pl.date(text.str.slice(0, 4).cast(pl.Int32, strict=False), quarter * 3, 1).dt.month_end()
        if written is None and kind.is_integer():
            return text.str.to_date("%Y%m%d", strict=False)
        return text.str.slice(0, 10 if written is None else None).str.to_date(written or "%Y-%m-%d", strict=False)

    def instant(self, column: str, kind: pl.DataType) -> pl.Expr:
        """A column of date and time in exchange time, null where it is none; one with a zone keeps its instant."""
        if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
            return pl.col(column).dt.convert_time_zone(EXCHANGE_TIME_ZONE).dt.cast_time_unit("us")
        told = pl.col(column)
        if not isinstance(kind, pl.Datetime):
            text = told.cast(pl.String).str.strip_chars()
            told = text.str.to_datetime(self.known.format or "%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
        placed = told.dt.replace_time_zone(self.known.time_zone, ambiguous="latest", non_existent="null")
        return placed.dt.convert_time_zone(EXCHANGE_TIME_ZONE).dt.cast_time_unit("us")

    def security_id(self, column: str) -> pl.Expr:
        """Our security_id, null where the code is not written as `code_format` says."""
        code = pl.col(column).cast(pl.String).str.strip_chars()
        digits, exchange = code.str.extract(r"(\d{6})"), code.str.extract("([A-Za-z]{2})").str.to_lowercase()
        match self.code_format:
            case "sh600000":
                fits = code.str.contains(r"^(sh|sz|bj)\d{6}$")
            case "sh.600000":
                fits = code.str.contains(r"^(?i:sh|sz|bj)\.\d{6}$")
            case "600000.SH":
                fits = code.str.contains(r"^\d{6}\.(?i:sh|sz|bj)$")
            case "600000":
                # Zeros in front are lost where a code was once kept as a number.
                fits, digits = code.str.contains(r"^\d{1,6}$"), code.str.zfill(6)
                exchange = _exchange(digits)
        return pl.when(fits).then(exchange + digits)

    def _column(self, ours: str, theirs: str | Ratio | Joined, kind: Any, file: pl.Schema) -> pl.Expr:
        if isinstance(theirs, Ratio):
            of, over = (pl.col(name).cast(pl.Float64, strict=False) for name in (theirs.of, theirs.over))
            return (of / over).round() * self.units.get(ours, 1.0)
        if isinstance(theirs, Joined):
            return pl.concat_str([pl.col(name).cast(pl.String) for name in theirs.join], separator=" ")
        if ours in CODES:
            return self.security_id(theirs)
        if kind == pl.Date:
            return self.day(theirs, file[theirs], self.date_format if ours == "period_end" else self.known.format)
        if kind == pl.Float64:
            return pl.col(theirs).cast(pl.Float64, strict=False) * self.units.get(ours, 1.0)
        if kind == pl.Boolean:
            return pl.col(theirs).cast(pl.String).str.to_lowercase().is_in(["1", "true", "yes"])
        return pl.col(theirs).cast(kind, strict=False)

    def _numbers(self) -> list[str]:
        return [name for name, column in self.raw_table.columns().items() if column.dtype == pl.Float64]

    def _implied(self, name: str) -> bool:
        """Columns that need no source: the first publication is revision 0, and what `known` tells of."""
        return name in ("revision", "holds") or (name == "published_on" and self.known.day is None)


def _optional(schema: type[Table]) -> tuple[str, ...]:
    allowed = ("security_id", "body") if schema is TABLES["news"] else ()
    return (*allowed, "weight", "total_shares", "amount", "prev_close")


def _named(theirs: str | Ratio | Joined) -> Sequence[str]:
    if isinstance(theirs, Ratio):
        return (theirs.of, theirs.over)
    return theirs.join if isinstance(theirs, Joined) else (theirs,)


def _exchange(digits: pl.Expr) -> pl.Expr:
    """Exchange of six digits: 6 and 9 Shanghai, 0, 2 and 3 Shenzhen, 4, 8 and 920 Beijing."""
    return (
        pl.when(digits.str.contains("^(4|8|920)"))
        .then(pl.lit("bj"))
        .when(digits.str.contains("^[69]"))
        .then(pl.lit("sh"))
        .when(digits.str.contains("^[023]"))
        .then(pl.lit("sz"))
    )
