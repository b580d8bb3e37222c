"""Files: daily bars from a folder of Parquet or CSV files, in any vendor's columns and units."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from assets.sources.fact_files import fact_deliveries, fact_digests, offered, read_facts
from assets.sources.mapping import Mapping, load_mapping
from expectations.tables import RawBars, Table

UNIT_TOLERANCE = 1.25
UNIT_SLIPS = {
    100: "volume is probably in lots of 100 shares",
    0.01: "volume is probably in shares, not in lots",
    1000: "amount is probably in yuan, not in thousands",
    0.001: "amount is probably in thousands of yuan",
    10: "volume is probably in shares, not in lots, and amount in yuan, not in thousands",
    0.1: "volume is probably in lots and amount in thousands of yuan",
}


@dataclass(frozen=True)
class Delivery:
    """One file: its rows in the declared span, their first and last date, and why it is refused if it is."""

    name: str
    rows: int = 0
    first: date | None = None
    last: date | None = None
    fault: str | None = None


class FilesSpec(BaseModel):
    """Bars from the files of one folder. A faulty file is refused whole, the others are kept.

    The mapping says what the columns mean; without `mapping` it is `mapping.yaml` in the folder, or the one that this
    project keeps under the folder's name. Dates outside the mapping's `first` and `last` are never read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["files"] = "files"
    folder: Path = Field(description="folder that holds the files")
    mapping: Path | None = None

    def first_session(self) -> date:
        """First date of the declared span; of the files where the mapping declares none."""
        declared = self._mapping().first
        return declared or min(one.first for one in self._good() if one.first)

    def last_session(self) -> date:
        """Last date of the declared span; of the files where the mapping declares none."""
        declared = self._mapping().last
        return declared or max(one.last for one in self._good() if one.last)

    def offers(self) -> tuple[type[Table], ...]:
        """The raw tables that the mapping declares."""
        return (RawBars, *offered(self._mapping().facts))

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows with first <= date <= last inside the declared span, in the order of the files.

        A row whose date cannot be read comes with the first session of the span, for cleaning to refuse.
        raises  ValueError when no file is good, with what is wrong with each
        """
        mapping = self._mapping()
        if table is not RawBars:
            return read_facts(self.folder, mapping.facts, table, (first, last), self._span())
        good = self._good()
        undated = first <= self.first_session() <= last
        parts = [_bars(self.folder, one.name, mapping, (first, last), undated) for one in good]
        if mapping.suspended:
            parts.append(_suspended_days(self.folder, mapping, (first, last)))
        rows = pl.concat(parts, how="diagonal")
        listings = _listings(self.folder, mapping)
        rows = rows.join(listings, on="security_id", how="left", maintain_order="left")
        return RawBars.cast(rows.with_columns(**mapping.by_security()))

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """Start of month -> SHA-256 of the rows that `read` gives for it: content and mapping, no file times."""
        if not months:
            return {}
        if table is not RawBars:
            return fact_digests(self.folder, self._mapping().facts, table, months, self._span())
        months_end = pl.Series([max(months)]).dt.month_end()[0]
        rows = self.read(table, min(months), months_end).sort("session", "security_id", maintain_order=True)
        starts = rows["session"].fill_null(self.first_session()).dt.month_start()
        by_month = {start: rows.filter(starts == start) for start in months}
        return {start: hashlib.sha256(part.write_csv().encode()).hexdigest() for start, part in by_month.items()}

    def deliveries(self) -> pl.DataFrame:
        """One row per file: `delivery`, `rows` in the declared span, `status` (read or refused), `reason`."""
        found: list[dict[str, object]] = [
            {"delivery": one.name, "rows": one.rows, "status": "refused" if one.fault else "read", "reason": one.fault}
            for one in self._examined()
        ]
        found += fact_deliveries(self.folder, self._mapping().facts, self._span())
        types = {"delivery": pl.String, "rows": pl.Int64, "status": pl.String, "reason": pl.String}
        return pl.DataFrame(found, schema=types)

    def _span(self) -> tuple[date, date]:
        return self.first_session(), self.last_session()

    def _mapping(self) -> Mapping:
        return load_mapping(self.folder, self.mapping)

    def _examined(self) -> tuple[Delivery, ...]:
        mapping = self._mapping()
        paths = sorted(path for path in self.folder.glob(mapping.files) if path.is_file())
        if not paths:
            raise ValueError(
                f"no file in {self.folder} fits '{mapping.files}'; correct `folder`, or `files` in the mapping"
            )
        stamps = [(path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
        text = mapping.model_dump_json()
        return tuple(_examine(self.folder, path, text, stamp) for path, stamp in zip(paths, stamps, strict=True))

    def _good(self) -> list[Delivery]:
        examined = self._examined()
        good = [one for one in examined if one.fault is None]
        if not good:
            raise ValueError("\n".join(["every file was refused:", *(f"{one.name}: {one.fault}" for one in examined)]))
        return good


@functools.lru_cache(maxsize=10_000)
def _examine(folder: Path, path: Path, mapping_json: str, stamp: tuple[int, int]) -> Delivery:
    """What a file holds in the declared span; `stamp` only tells a changed file from the one seen before."""
    mapping = Mapping.model_validate_json(mapping_json)
    name = str(path.relative_to(folder))
    try:
        schema = _scan(path).collect_schema()
        missing = {theirs: ours for theirs, ours in mapping.source_columns().items() if theirs not in schema}
        if missing:
            wanted = ", ".join(f"'{theirs}' (our {ours})" for theirs, ours in missing.items())
            return Delivery(
                name, fault=f"has no column {wanted}; it has {schema.names()}. Correct the mapping or the file."
            )
        rows = _probe(_scan(path), mapping)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        what = str(error).splitlines()[0]
        return Delivery(
            name, fault=f"cannot be read as {mapping.format}: {what}. Deliver it again, or take it out of the folder."
        )
    first, last = rows.select(first=pl.col("session").min(), last=pl.col("session").max()).row(0)
    if rows.height and first is None:
        return Delivery(name, rows.height, fault=_no_dates(mapping))
    return Delivery(name, rows.height, first, last, _unit_fault(rows))


def _probe(file: pl.LazyFrame, mapping: Mapping) -> pl.DataFrame:
    columns = mapping.bars(file.collect_schema())
    wanted = file.select(**{name: columns[name] for name in ("session", "close", "volume", "amount")})
    return wanted.filter(mapping.spans(pl.col("session")) | pl.col("session").is_null()).collect()


def _no_dates(mapping: Mapping) -> str:
    column, pattern = mapping.columns["session"], mapping.date_format or "%Y-%m-%d"
    return f"no value of column '{column}' is a date written as {pattern}. Correct `date_format` in the mapping."


def _unit_fault(rows: pl.DataFrame) -> str | None:
    """A sentence when amount / volume is far from the close in the median, None when it is near or cannot be told."""
    traded = rows.filter((pl.col("volume") > 0) & (pl.col("close") > 0) & (pl.col("amount") > 0))
    ratio = traded.select((pl.col("amount") / pl.col("volume") / pl.col("close")).median()).item()
    if ratio is None or 1 / UNIT_TOLERANCE <= ratio <= UNIT_TOLERANCE:
        return None
    slips = (why for size, why in UNIT_SLIPS.items() if 1 / UNIT_TOLERANCE <= ratio / size <= UNIT_TOLERANCE)
    why = next(slips, "prices may be adjusted ones, where they must be as traded")
    return (
        f"amount / volume is {ratio:.4g} times the close in the median of {traded.height} rows; "
        f"it must lie between {1 / UNIT_TOLERANCE} and {UNIT_TOLERANCE}: {why}. "
        "Correct `units` in the mapping, or the file."
    )


def _scan(path: Path) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path, glob=False)
    return pl.scan_csv(path, infer_schema=False, glob=False)


def _bars(folder: Path, name: str, mapping: Mapping, span: tuple[date, date], undated: bool) -> pl.DataFrame:
    file = _scan(folder / name)
    columns = mapping.bars(file.collect_schema())
    day = columns["session"]
    inside = day.is_between(*span) & mapping.spans(day)
    rows = file.filter(inside | day.is_null() if undated else inside).select(**columns)
    return rows.with_columns(delivery=pl.lit(name)).collect()


def _suspended_days(folder: Path, mapping: Mapping, span: tuple[date, date]) -> pl.DataFrame:
    """Suspended rows from the mapping's second file; without a flag of its own no day is under special treatment."""
    if mapping.suspended is None:
        raise ValueError("the mapping names no file of suspended days")
    wanted = mapping.suspended
    file = _companion(folder, wanted.file, (wanted.security_id, wanted.session))
    day = mapping.day(wanted.session, file.collect_schema()[wanted.session])
    rows = file.filter(day.is_between(*span) & mapping.spans(day)).select(
        session=day,
        security_id=mapping.security_id(wanted.security_id),
        is_st=wanted.is_st.expression() if wanted.is_st else pl.lit(False),
        is_suspended=pl.lit(True),
        volume=pl.lit(0.0),
        amount=pl.lit(0.0),
        delivery=pl.lit(wanted.file),
    )
    return rows.collect()


def _listings(folder: Path, mapping: Mapping) -> pl.DataFrame:
    """First session by security; no rows when the mapping names no file of securities."""
    wanted = mapping.securities
    if wanted is None:
        return pl.DataFrame(schema={"security_id": pl.String, "listed_on": pl.Date})
    file = _companion(folder, wanted.file, (wanted.security_id, wanted.listed_on))
    day = mapping.day(wanted.listed_on, file.collect_schema()[wanted.listed_on])
    return file.select(security_id=mapping.security_id(wanted.security_id), listed_on=day).unique().collect()


def _companion(folder: Path, name: str, columns: tuple[str, ...]) -> pl.LazyFrame:
    if not (folder / name).is_file():
        raise ValueError(f"the mapping names '{name}', which is not in {folder}; put it there or correct the mapping")
    file = _scan(folder / name)
    held = file.collect_schema().names()
    if missing := [column for column in columns if column not in held]:
        raise ValueError(f"{folder / name} has no column {missing}; it has {held}. Correct the mapping.")
    return file
