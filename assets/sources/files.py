"""Files: daily bars from a folder of Parquet or CSV files, in any vendor's columns and units."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import polars as pl
from pydantic import ConfigDict, Field

from assets.sources.examination import Delivery, companion_fault, examined, stamp
from assets.sources.fact_files import fact_deliveries, fact_digests, offered, read_facts
from assets.sources.holdout import Sealable, SealedRange
from assets.sources.mapping import EXCHANGES_OPENED, Mapping, load_mapping
from assets.sources.opened import UNREADABLE, collected, listed, reopened, rows_of
from expectations.tables import LONGEST_CLOSURE, RawBars, Table


class FilesSpec(Sealable):
    """Bars from the files of one folder. A faulty file is refused whole, the others are kept.

    The mapping says what the columns mean; without `mapping` it is `mapping.yaml` in the folder, or the one that this
    project keeps under the folder's name. Dates outside the mapping's `first` and `last` are never read, nor are those
    from its `sealed` range on, unless `openings` has a record that opens it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["files"] = "files"
    folder: Path = Field(description="folder that holds the files")
    mapping: Path | None = None

    def holdout(self) -> SealedRange | None:
        """The dates that the mapping declares as sealed, opened or not."""
        return self._declared().sealed

    def first_session(self) -> date:
        """First date of the declared span; of the files where the mapping declares none.

        raises  ValueError when the folder cannot be read, with what is wrong with each file
        """
        first = self._span(self._good())[0]
        self._beside((first, first), undated=False)
        return first

    def last_session(self) -> date:
        """Last date of the declared span; of the files where the mapping declares none."""
        return self._span(self._good())[1]

    def reached(self) -> date | None:
        """Newest date of the files where the mapping declares dates to come, by more than the longest closure."""
        good, declared = self._good(), self._mapping().last
        newest = max(one.last for one in good if one.last)
        return newest if declared and newest < declared - LONGEST_CLOSURE else None

    def offers(self) -> tuple[type[Table], ...]:
        """The raw tables that the mapping declares."""
        return (RawBars, *offered(self._mapping().facts))

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows with first <= date <= last inside the declared span, in the order of the files.

        A row without a date that a session can have comes with the first session of the span, for cleaning to refuse.
        raises  ValueError when no file is good, with what is wrong with each
        """
        mapping, good = self._mapping(), self._good()
        span = self._span(good)
        if table is not RawBars:
            return read_facts(self.folder, mapping.facts, table, (first, last), span)
        undated = first <= span[0] <= last
        parts = [_bars(self.folder, one.name, mapping, (first, last), undated) for one in good]
        suspended, listings = self._beside((first, last), undated)
        rows = pl.concat([*parts, *suspended], how="diagonal")
        rows = rows.join(listings, on="security_id", how="left", maintain_order="left")
        return RawBars.cast(rows.with_columns(**mapping.by_security()))

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """Start of month -> SHA-256 of the rows that `read` gives for it: content and mapping, no file times."""
        if not months:
            return {}
        if table is not RawBars:
            return fact_digests(self.folder, self._mapping().facts, table, months, self._span(self._good()))
        return dict(_digests_of_bars(self, tuple(months), self._stamps()))

    def deliveries(self) -> pl.DataFrame:
        """One row per file: `delivery`, `rows` in the declared span, `status` (read or refused), `reason`."""
        examined = self._examined()
        found: list[dict[str, object]] = [
            {"delivery": one.name, "rows": one.rows, "status": "refused" if one.fault else "read", "reason": one.fault}
            for one in examined
        ]
        found += fact_deliveries(self.folder, self._mapping().facts, self._span(examined))
        types = {"delivery": pl.String, "rows": pl.Int64, "status": pl.String, "reason": pl.String}
        return pl.DataFrame(found, schema=types)

    def _mapping(self) -> Mapping:
        """The mapping as far as it may be read."""
        declared = self._declared()
        return declared.model_copy(update={"last": self.readable(self.folder.name, declared.last)})

    def _declared(self) -> Mapping:
        if not self.folder.is_dir():
            raise ValueError(f"there is no folder {self.folder}; correct `folder`, or put the files there")
        return load_mapping(self.folder, self.mapping)

    def _beside(self, span: tuple[date, date], undated: bool) -> tuple[list[pl.DataFrame], pl.DataFrame]:
        """What the mapping names beside the bars: suspended days where there are any, and listings."""
        mapping = self._mapping()
        suspended = [_suspended_days(self.folder, mapping, span, undated)] if mapping.suspended else []
        return suspended, _listings(self.folder, mapping)

    def _stamps(self) -> tuple[object, ...]:
        """What changes with the mapping, with a file of the bars or beside them, and with the last date known."""
        mapping = self._mapping()
        beside = [one.file for one in (mapping.suspended, mapping.securities) if one]
        paths = [*sorted(self.folder.glob(mapping.files)), *(self.folder / name for name in beside)]
        return (mapping.model_dump_json(), mapping.latest(), *((path.name, *stamp(path)) for path in paths))

    def _span(self, good: Sequence[Delivery]) -> tuple[date, date]:
        mapping = self._mapping()
        first = min((one.first for one in good if one.first), default=date.min)
        last = max((one.last for one in good if one.last), default=date.max)
        return mapping.first or first, mapping.last or last

    def _examined(self) -> tuple[Delivery, ...]:
        mapping = self._mapping()
        # A folder that is called like a file was meant as one; any other only leads to files.
        paths = sorted(path for path in self.folder.glob(mapping.files) if path.is_file() or path.suffix)
        if not paths:
            raise ValueError(
                f"no file in {self.folder} fits '{mapping.files}'; correct `folder`, or `files` in the mapping"
            )
        text, latest = mapping.model_dump_json(), mapping.latest()
        return tuple(examined(self.folder, path, text, latest) for path in paths)

    def _good(self) -> list[Delivery]:
        examined = self._examined()
        good = [one for one in examined if one.fault is None]
        if not good:
            raise ValueError("\n".join(["every file was refused:", *(f"{one.name}: {one.fault}" for one in examined)]))
        if not any(one.first for one in good):
            mapping = self._mapping()
            raise ValueError(
                f"no row of {listed([one.name for one in good])} lies in the span that the mapping declares, from "
                f"{mapping.first} to {mapping.last}; correct `first` and `last`, or put other files into {self.folder}"
            )
        return good


@functools.lru_cache(maxsize=4)
def _digests_of_bars(
    spec: FilesSpec, months: tuple[date, ...], stamps: tuple[object, ...]
) -> MappingProxyType[date, str]:
    """`FilesSpec.digests` of the bars, read once for as long as no file changes."""
    months_end = pl.Series([max(months)]).dt.month_end()[0]
    rows = spec.read(RawBars, min(months), months_end).sort("session", "security_id", maintain_order=True)
    starts = rows["session"].fill_null(spec.first_session()).dt.month_start()
    by_month = {start: rows.filter(starts == start) for start in months}
    found = {start: hashlib.sha256(part.write_csv().encode()).hexdigest() for start, part in by_month.items()}
    return MappingProxyType(found)


def _bars(folder: Path, name: str, mapping: Mapping, span: tuple[date, date], undated: bool) -> pl.DataFrame:
    file, column = reopened(folder / name), mapping.columns["session"]
    columns = mapping.bars(file.collect_schema())
    asked = _asked(file, mapping, column, span, undated)
    try:
        return rows_of(file.filter(asked).select(**columns, delivery=pl.lit(name)))
    except UNREADABLE:
        # Damage that stops a read of some rows may let the whole be read, as it was when it was examined.
        whole = collected(file, folder / name)
        return whole.filter(asked).select(**columns, delivery=pl.lit(name))


def _asked(file: pl.LazyFrame, mapping: Mapping, column: str, span: tuple[date, date], undated: bool) -> pl.Expr:
    """Rows of the span, and those without a date that a session can have where they are asked for too."""
    kind = file.collect_schema()[column]
    day = mapping.day(column, kind)
    inside = day.is_between(max(span[0], EXCHANGES_OPENED), min(span[1], mapping.latest())) & mapping.spans(day)
    return inside | mapping.session(column, kind).is_null() if undated else inside


def _suspended_days(folder: Path, mapping: Mapping, span: tuple[date, date], undated: bool) -> pl.DataFrame:
    """Suspended rows from the mapping's second file; without a flag of its own no day is under special treatment."""
    if mapping.suspended is None:
        raise ValueError("the mapping names no file of suspended days")
    wanted = mapping.suspended
    named = (wanted.security_id, wanted.session, *([wanted.is_st.column] if wanted.is_st else []))
    file = _companion(folder, mapping, wanted.file, wanted.session, named)
    schema = file.collect_schema()
    rows = file.filter(_asked(file, mapping, wanted.session, span, undated)).select(
        session=mapping.session(wanted.session, schema[wanted.session]),
        security_id=mapping.security_id(wanted.security_id),
        is_st=wanted.is_st.expression() if wanted.is_st else pl.lit(False),
        is_suspended=pl.lit(True),
        volume=pl.lit(0.0),
        amount=pl.lit(0.0),
        delivery=pl.lit(wanted.file),
        source_objection=mapping.objection(wanted.session, schema),
    )
    return collected(rows, folder / wanted.file)


def _listings(folder: Path, mapping: Mapping) -> pl.DataFrame:
    """First session by security; no rows when the mapping names no file of securities."""
    wanted = mapping.securities
    if wanted is None:
        return pl.DataFrame(schema={"security_id": pl.String, "listed_on": pl.Date})
    named = (wanted.security_id, wanted.listed_on)
    file = _companion(folder, mapping, wanted.file, wanted.listed_on, named)
    day = mapping.day(wanted.listed_on, file.collect_schema()[wanted.listed_on])
    dated = file.select(security_id=mapping.security_id(wanted.security_id), listed_on=day)
    listings = collected(dated.drop_nulls().unique(), folder / wanted.file)
    if twice := listings.filter(listings["security_id"].is_duplicated())["security_id"].unique().sort().to_list():
        raise ValueError(
            f"{folder / wanted.file} gives more than one date in '{wanted.listed_on}' for {listed(twice)}; keep one"
        )
    return listings


def _companion(folder: Path, mapping: Mapping, name: str, dated_by: str, columns: tuple[str, ...]) -> pl.LazyFrame:
    path = folder / name
    if not path.is_file():
        raise ValueError(f"the mapping names '{name}', which is not in {folder}; put it there or correct the mapping")
    fault = companion_fault(path, mapping, dated_by, columns)
    if fault:
        raise ValueError(f"{path} {fault}")
    return reopened(path)
