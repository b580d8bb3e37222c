"""Mapping: how the columns, units and codes of foreign files become our raw bars; written in YAML, checked here."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from assets.sources.fact_mapping import FactFiles
from assets.sources.holdout import SealedRange
from assets.sources.mapping_checks import (
    SECURITY_ID,
    comes_after_the_close,
    gives_dates_back,
    gives_one_board,
    is_a_pattern,
    lies_in_the_folder,
    names_securities,
)
from assets.sources.opened import BEYOND, text_of
from assets.sources.yaml_settings import read_yaml
from expectations.tables import EXCHANGE_TIME_ZONE

MAPPINGS = Path(__file__).parent / "mappings"
NUMBERS = ("open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor")
COLUMNS = ("security_id", "session", *NUMBERS)
SHARES = {"shares": 1, "lots": 100}
YUAN = {"yuan": 1, "thousand_yuan": 1000}
CODES = {
    "sh600000": r"^(?<exchange>[A-Za-z]{2})(?<digits>\d{6})$",
    "sh.600000": r"^(?<exchange>[A-Za-z]{2})\.(?<digits>\d{6})$",
    "600000.SH": r"^(?<digits>\d{6})\.(?<exchange>[A-Za-z]{2})$",
}
EXCHANGES_OPENED = date(1990, 12, 19)  # first session of the Shanghai exchange, the older of the two

Board = Literal["main", "chinext", "star", "bse"]


class Part(BaseModel):
    """A part of a mapping: frozen, and unknown keys are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Units(Part):
    """Units of the files: a lot is 100 shares."""

    volume: Literal["shares", "lots"] = "shares"
    amount: Literal["yuan", "thousand_yuan"] = "yuan"


class Flag(Part):
    """A yes or no read off a column: its text contains or matches something, or its value equals it."""

    column: str
    contains: str | None = None
    matches: Annotated[str, AfterValidator(is_a_pattern)] | None = None
    equals: bool | int | str | None = None

    @model_validator(mode="after")
    def one_test(self) -> Self:
        """Exactly one of the three tests."""
        if [self.contains, self.matches, self.equals].count(None) != 2:
            raise ValueError(f"the flag on column '{self.column}' needs either `contains` or `equals` or `matches`")
        if self.contains == "":
            raise ValueError(f"the flag on column '{self.column}' contains nothing; every row would have it")
        return self

    def expression(self) -> pl.Expr:
        """Boolean; null where the column is null, or holds no number where one is asked for (true is 1, false 0)."""
        text = pl.col(self.column).cast(pl.String).str.strip_chars().str.to_lowercase()
        if self.contains is not None:
            return pl.col(self.column).cast(pl.String).str.contains(self.contains, literal=True)
        if self.matches is not None:
            return pl.col(self.column).cast(pl.String).str.contains(self.matches)
        if isinstance(self.equals, str):
            return text == self.equals.lower()
        number = text.replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number == float(self.equals or 0))


class SuspendedDays(Part):
    """A Parquet or CSV file with one row for each day on which a security did not trade."""

    file: str
    security_id: str
    session: str
    is_st: Flag | None = None


class Securities(Part):
    """A Parquet or CSV file with one row a security and its first session."""

    file: str
    security_id: str
    listed_on: str


class Mapping(Part):
    """One vendor's files in our words; `columns` gives for each of our names the name in the files."""

    files: Annotated[str, AfterValidator(lies_in_the_folder)] = Field(description="glob inside the folder")
    format: Literal["parquet", "csv"]
    columns: dict[str, str]
    units: Units = Units()
    date_format: Annotated[str, AfterValidator(gives_dates_back)] | None = Field(
        None, description="for dates kept as text, as strftime writes them"
    )
    code_format: Literal["sh600000", "sh.600000", "600000.SH"] = "sh600000"
    board: Annotated[dict[Board, tuple[str, ...]], AfterValidator(gives_one_board)] = Field(
        description="board -> prefixes of our security_id"
    )
    is_st: Flag | None = Field(None, description="left out: no row is under special treatment")
    is_suspended: Flag | None = Field(None, description="left out: every row of the files is traded")
    is_unreformed: Flag | None = Field(None, description="share reform not done, S in the name; left out: not told")
    suspended: SuspendedDays | None = None
    securities: Securities | None = None
    available_at: Annotated[time, AfterValidator(comes_after_the_close)] = Field(
        time(16), description="time of day, Shanghai, from which a session's rows are known"
    )
    first: date | None = Field(None, description="first date that may be read; left out: all")
    last: date | None = Field(
        None,
        description="last date that may be read; left out: all; a date to come where files are still added",
    )
    sealed: SealedRange | None = Field(
        None, description="holdout: neither these dates nor any after them are read before it is opened"
    )
    refuse: Annotated[dict[str, str], AfterValidator(names_securities)] = Field(
        default_factory=dict, description="security_id -> why its rows are not to be used"
    )
    facts: tuple[FactFiles, ...] = Field((), description="files of dated facts, beside the bars or in other folders")

    @field_validator("columns")
    @classmethod
    def names_are_ours(cls, columns: dict[str, str]) -> dict[str, str]:
        """Every one of our names, and no other."""
        if set(columns) != set(COLUMNS):
            unknown, missing = sorted(set(columns) - set(COLUMNS)), sorted(set(COLUMNS) - set(columns))
            raise ValueError(f"unknown names {unknown}, missing names {missing}; it must name exactly {list(COLUMNS)}")
        if twice := {ours: columns[ours] for ours in COLUMNS if list(columns.values()).count(columns[ours]) > 1}:
            raise ValueError(f"one column of the files stands for several of ours: {twice}; give each its own")
        return columns

    @model_validator(mode="after")
    def span_is_forward(self) -> Self:
        """The span ends after it begins."""
        if self.first and self.last and self.first > self.last:
            raise ValueError(f"first is {self.first}, after last {self.last}; no date lies between")
        if self.first and self.sealed and self.sealed.first <= self.first:
            raise ValueError(f"sealed begins on {self.sealed.first}, no later than first {self.first}; nothing is left")
        return self

    @field_validator("available_at", mode="before")
    @classmethod
    def time_is_text(cls, value: Any) -> Any:
        """YAML reads 16:00 without quotes as the number 960."""
        if isinstance(value, int):
            raise ValueError(f'{value} is no time of day; put it in quotes: "16:00"')
        return value

    def spans(self, day: pl.Expr) -> pl.Expr:
        """Whether a date lies in the declared span."""
        return day.is_between(self.first or date.min, self.last or date.max)

    def security_id(self, column: str) -> pl.Expr:
        """Our security_id: exchange in lower case, then six digits; a code of another form stays, and has no board."""
        code = pl.col(column).cast(pl.String).str.strip_chars()
        parts = code.str.extract_groups(CODES[self.code_format])
        ours = parts.struct.field("exchange").str.to_lowercase() + parts.struct.field("digits")
        return pl.coalesce(ours, code)

    def day(self, column: str, kind: pl.DataType) -> pl.Expr:
        """A column as a date, null where it is none; `kind` is the type that the file gives it."""
        if kind == pl.Date:
            return pl.col(column)
        if isinstance(kind, pl.Datetime):
            zoned = pl.col(column).dt.convert_time_zone(EXCHANGE_TIME_ZONE) if kind.time_zone else pl.col(column)
            return zoned.dt.date()
        text, pattern = pl.col(column).cast(pl.String).str.strip_chars(), self.pattern(kind)
        if pattern == "%Y%m%d":  # 2015061 would be read as the first of June
            text = pl.when(text.str.len_chars() == len("20150601")).then(text)
        return text.str.to_date(pattern, strict=False)

    def date_demanded(self, kind: pl.DataType) -> str:
        """What a session must be, for a sentence."""
        return f"a date from {EXCHANGES_OPENED} to {self.latest()} (as text: {self.pattern(kind)})"

    def pattern(self, kind: pl.DataType) -> str:
        """How dates are written in a column of a given type."""
        return self.date_format or ("%Y%m%d" if kind.is_integer() else "%Y-%m-%d")

    def latest(self) -> date:
        """The last date whose bars can be known by now."""
        now = datetime.now(ZoneInfo(EXCHANGE_TIME_ZONE))
        return now.date() if now.time() >= self.available_at else now.date() - timedelta(days=1)

    def session(self, column: str, kind: pl.DataType) -> pl.Expr:
        """A column as a date that a session can have; null before the exchanges opened and after `latest`."""
        day = self.day(column, kind)
        return pl.when(day.is_between(EXCHANGES_OPENED, self.latest())).then(day)

    def objection(self, column: str, schema: pl.Schema) -> pl.Expr:
        """Why a row of a file cannot be used whatever it holds: a line too long, or no date; null for nearly all."""
        surplus = pl.col(BEYOND) if BEYOND in schema else pl.lit(None, dtype=pl.String)
        longer = pl.format("the line has more fields than the header; the first beyond it is '{}'", surplus)
        found = text_of(column, schema[column]).fill_null("")
        demand = pl.lit(self.date_demanded(schema[column]))
        undated = pl.format("column '{}' holds '{}', where it must hold {}", pl.lit(column), found, demand)
        is_undated = self.session(column, schema[column]).is_null()
        return pl.when(surplus.is_not_null()).then(longer).when(is_undated).then(undated)

    def source_columns(self) -> dict[str, str]:
        """Name in the file -> what it is wanted for."""
        wanted = {theirs: ours for ours, theirs in self.columns.items()}
        flags = {"is_st": self.is_st, "is_suspended": self.is_suspended, "is_unreformed": self.is_unreformed}
        return wanted | {flag.column: ours for ours, flag in flags.items() if flag is not None}

    def bars(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """Our columns as expressions over a file with the given schema, without what only the security says."""
        units = {"volume": SHARES[self.units.volume], "amount": YUAN[self.units.amount]}
        numbers = {name: _number(self.columns[name], schema, units.get(name, 1)) for name in NUMBERS}
        session = self.columns["session"]
        return {
            "session": self.session(session, schema[session]),
            "security_id": self.security_id(self.columns["security_id"]),
            "is_st": self.is_st.expression() if self.is_st else pl.lit(False),
            "is_suspended": self.is_suspended.expression() if self.is_suspended else pl.lit(False),
            "is_unreformed": self.is_unreformed.expression() if self.is_unreformed else pl.lit(None, dtype=pl.Boolean),
            **numbers,
            "source_objection": self.objection(session, schema),
        }

    def by_security(self) -> dict[str, pl.Expr]:
        """What follows from `security_id` and `session`: board, the source's objection, and when the row is known.

        A code that is not ours has no board. An objection to a single row comes before one to its security.
        """
        board, is_ours = pl.lit(None, dtype=pl.String), pl.col("security_id").str.contains(SECURITY_ID)
        for name, prefixes in self.board.items():
            named = pl.any_horizontal(pl.col("security_id").str.starts_with(prefix) for prefix in prefixes)
            board = pl.when(named & is_ours).then(pl.lit(name)).otherwise(board)
        objection = pl.col("security_id").replace_strict(
            list(self.refuse), list(self.refuse.values()), default=None, return_dtype=pl.String
        )
        known = pl.col("session").dt.combine(self.available_at, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
        objection = pl.coalesce("source_objection", objection)
        return {"board": board, "source_objection": objection, "available_at": known}


def load_mapping(folder: Path, path: Path | None) -> Mapping:
    """The mapping at `path`, or `mapping.yaml` in the folder, or the one kept here under the folder's name."""
    places = [path] if path else [folder / "mapping.yaml", MAPPINGS / f"{folder.name}.yaml"]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        kept = sorted(place.stem for place in MAPPINGS.glob("*.yaml"))
        raise ValueError(
            f"no mapping for the files in {folder}: looked for {[str(place) for place in places]}; folders with "
            f"a mapping of their own are {kept}. Write a mapping.yaml into the folder or give `mapping`."
        )
    return read_yaml(found, Mapping, "mapping")


def _number(column: str, schema: pl.Schema, unit: int) -> pl.Expr:
    """A finite number of units, else null: NaN and infinity are no numbers of a raw table."""
    cell = pl.col(column).str.strip_chars() if schema[column] == pl.String else pl.col(column)
    number = cell.cast(pl.Float64, strict=False) * unit
    return pl.when(number.is_finite()).then(number)
