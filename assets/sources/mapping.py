"""Mapping: how the columns, units and codes of foreign files become our raw bars; written in YAML, checked here."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from assets.sources.fact_mapping import FactFiles
from expectations.tables import EXCHANGE_TIME_ZONE

MAPPINGS = Path(__file__).parent / "mappings"
NUMBERS = ("open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor")
COLUMNS = ("security_id", "session", *NUMBERS)
SHARES = {"shares": 1, "lots": 100}
YUAN = {"yuan": 1, "thousand_yuan": 1000}

Board = Literal["main", "chinext", "star", "bse"]


class Part(BaseModel):
    """A part of a mapping: frozen, and unknown keys are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Units(Part):
    """Units of the files: a lot is 100 shares."""

    volume: Literal["shares", "lots"] = "shares"
    amount: Literal["yuan", "thousand_yuan"] = "yuan"


class Flag(Part):
    """A yes or no read off a column: its text contains something, or its value equals something."""

    column: str
    contains: str | None = None
    equals: bool | int | str | None = None

    @model_validator(mode="after")
    def one_test(self) -> Self:
        """Exactly one of the two tests."""
        if (self.contains is None) == (self.equals is None):
            raise ValueError(f"the flag on column '{self.column}' needs either `contains` or `equals`")
        return self

    def expression(self) -> pl.Expr:
        """Boolean; null where the column is null."""
        text = pl.col(self.column).cast(pl.String)
        if self.contains is not None:
            return text.str.contains(self.contains, literal=True)
        return text.str.to_lowercase() == str(self.equals).lower()


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

    files: str = Field(description="glob inside the folder")
    format: Literal["parquet", "csv"]
    columns: dict[str, str]
    units: Units = Units()
    date_format: str | None = Field(None, description="for dates kept as text, as strftime writes them")
    code_format: Literal["sh600000", "sh.600000", "600000.SH"] = "sh600000"
    board: dict[Board, tuple[str, ...]] = Field(description="board -> prefixes of our security_id")
    is_st: Flag | None = Field(None, description="left out: no row is under special treatment")
    is_suspended: Flag | None = Field(None, description="left out: every row of the files is traded")
    suspended: SuspendedDays | None = None
    securities: Securities | None = None
    available_at: time = Field(time(16), description="time of day, Shanghai, from which a session's rows are known")
    first: date | None = Field(None, description="first date that may be read; left out: all")
    last: date | None = Field(None, description="last date that may be read; left out: all")
    refuse: dict[str, str] = Field(default_factory=dict, description="security_id -> why its rows are not to be used")
    facts: tuple[FactFiles, ...] = Field((), description="files of dated facts, beside the bars or in other folders")

    @field_validator("columns")
    @classmethod
    def names_are_ours(cls, columns: dict[str, str]) -> dict[str, str]:
        """Every one of our names, and no other."""
        if set(columns) != set(COLUMNS):
            unknown, missing = sorted(set(columns) - set(COLUMNS)), sorted(set(COLUMNS) - set(columns))
            raise ValueError(f"unknown names {unknown}, missing names {missing}; it must name exactly {list(COLUMNS)}")
        return columns

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
        """Our security_id: exchange in lower case, then six digits."""
        code = pl.col(column).cast(pl.String)
        if self.code_format == "sh600000":
            return code
        exchange, digits = code.str.extract("([A-Za-z]{2})").str.to_lowercase(), code.str.extract(r"(\d{6})")
        return exchange + digits

    def day(self, column: str, kind: pl.DataType) -> pl.Expr:
        """A column as a date, null where it is none; `kind` is the type that the file gives it."""
        if kind == pl.Date:
            return pl.col(column)
        if isinstance(kind, pl.Datetime):
            return pl.col(column).dt.date()
        text = pl.col(column).cast(pl.String).str.strip_chars()
        return text.str.to_date(self.date_format or ("%Y%m%d" if kind.is_integer() else "%Y-%m-%d"), strict=False)

    def source_columns(self) -> dict[str, str]:
        """Name in the file -> what it is wanted for."""
        wanted = {theirs: ours for ours, theirs in self.columns.items()}
        flags = {"is_st": self.is_st, "is_suspended": self.is_suspended}
        return wanted | {flag.column: ours for ours, flag in flags.items() if flag is not None}

    def bars(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """Our columns as expressions over a file with the given schema, without what only the security says."""
        numbers = {name: pl.col(self.columns[name]).cast(pl.Float64, strict=False) for name in NUMBERS}
        numbers["volume"] = numbers["volume"] * SHARES[self.units.volume]
        numbers["amount"] = numbers["amount"] * YUAN[self.units.amount]
        session = self.columns["session"]
        return {
            "session": self.day(session, schema[session]),
            "security_id": self.security_id(self.columns["security_id"]),
            "is_st": self.is_st.expression() if self.is_st else pl.lit(False),
            "is_suspended": self.is_suspended.expression() if self.is_suspended else pl.lit(False),
            **numbers,
        }

    def by_security(self) -> dict[str, pl.Expr]:
        """What follows from `security_id` and `session`: board, the source's objection, and when the row is known."""
        board = pl.lit(None, dtype=pl.String)
        for name, prefixes in self.board.items():
            named = pl.any_horizontal(pl.col("security_id").str.starts_with(prefix) for prefix in prefixes)
            board = pl.when(named).then(pl.lit(name)).otherwise(board)
        objection = pl.col("security_id").replace_strict(
            list(self.refuse), list(self.refuse.values()), default=None, return_dtype=pl.String
        )
        known = pl.col("session").dt.combine(self.available_at, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
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
    try:
        return Mapping.model_validate(yaml.safe_load(found.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise ValueError(f"{found} is no valid mapping: {error}") from error
