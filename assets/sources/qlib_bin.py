"""Qlib bin: daily bars from a folder in Qlib's binary layout, with prices and volumes as they were traded."""
# N sessions of one security

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import ConfigDict, Field, field_validator

from assets.sources.holdout import Sealable, SealedRange
from assets.sources.mapping import SHARES, YUAN, Units
from assets.sources.unit_fault import unit_fault
from assets.sources.vendors.arrival import Arrival, month_end
from assets.sources.vendors.codes import board
from assets.sources.vendors.content import Content, Stamp, month_digests, stamps
from assets.sources.vendors.qlib_files import Floats, read_calendar, read_instruments, read_series
from expectations.tables import RawBars, Table

PRICES = ("open", "high", "low", "close")
NEEDED = (*PRICES, "volume", "factor")
FIELDS = (*NEEDED, "amount", "vwap")
CORRECTION = "Correct `units` in the settings, or adjust the prices by `factor`."
ESTIMATE = "amount estimated from the mean of open, high, low and close"


@dataclass(frozen=True)
class Delivery:
    """The folder of one security: its bars, or why they are refused."""

    security_id: str
    bars: pl.DataFrame | None = None
    fault: str | None = None


class QlibBinSpec(Sealable):
    """Bars from Qlib's binary files, un-adjusted: price / factor, volume * factor, rounded to the cent and the share.

    What Qlib does not keep: a session without a close (NaN) inside a spell is taken for a suspended one; no session is
    under special treatment unless `st` names a list of instruments with the ST spells; `prev_close` is the last close
    carried over by the factor. The first day of a spell is the listing, except where the calendar itself begins then.
    A security whose files are faulty is refused whole, the others are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["qlib_bin"] = "qlib_bin"
    folder: Path = Field(description="holds calendars, instruments and features")
    instruments: str = Field("all", description="name of the list in instruments/ whose spells are read")
    st: str | None = Field(None, description="name of the list whose spells are days under special treatment")
    units: Units = Units()
    estimate_amount: bool = Field(
        False, description="where neither amount nor vwap is kept: volume times the mean of the four prices"
    )
    available_at: time = Field(time(16), description="time of day, Shanghai, from which a session's bars are known")
    first: date | None = Field(None, description="first date that may be read; left out: that of the calendar")
    last: date | None = Field(None, description="last date that may be read; left out: that of the calendar")
    sealed: SealedRange | None = Field(
        None, description="holdout: neither these dates nor any after them are read before it is opened"
    )

    @field_validator("available_at", mode="before")
    @classmethod
    def _time_is_text(cls, value: Any) -> Any:
        if isinstance(value, int):
            raise ValueError(f'{value} is no time of day; put it in quotes: "16:00"')
        return value

    def holdout(self) -> SealedRange | None:
        """The dates that are declared as sealed, opened or not."""
        return self.sealed

    def first_session(self) -> date:
        """First session of the declared span."""
        return self._sessions()[0]

    def last_session(self) -> date:
        """Last session of the declared span."""
        return self._sessions()[-1]

    def reached(self) -> date | None:
        """None: its span is over."""
        return None

    def offers(self) -> tuple[type[Table], ...]:
        """Bars are all that the layout holds."""
        return (RawBars,)

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows of `RawBars` with first <= session <= last inside the declared span.

        raises  ValueError when no security is good, with what is wrong with each
        """
        first, last = max(first, self.first or date.min), min(last, self._last() or date.max)
        inside = self._bars().filter(pl.col("session").is_between(first, last))
        known = Arrival(self.available_at).known(pl.col("session"))
        return RawBars.cast(inside.with_columns(available_at=known).select(RawBars.column_names()))

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """Start of month -> SHA-256 of the rows that `read` gives for it."""
        if not months:
            return {}
        rows = functools.partial(self.read, table, min(months), month_end(max(months)))
        settings, made_from = f"{self.model_dump_json()} to {self._last()}", self._stamps()
        return dict(month_digests(Content(settings, table.asset_key, tuple(months), made_from, rows, table.dated_by)))

    def deliveries(self) -> pl.DataFrame:
        """One row per security: `delivery`, `rows`, `status` (read or refused), `reason`."""
        found = [
            {
                "delivery": f"features/{one.security_id}",
                "rows": one.bars.height if one.bars is not None else 0,
                "status": "refused" if one.fault else "read",
                "reason": one.fault,
            }
            for one in _deliveries(self, self._stamps())
        ]
        types = {"delivery": pl.String, "rows": pl.Int64, "status": pl.String, "reason": pl.String}
        return pl.DataFrame(found, schema=types)

    def _last(self) -> date | None:
        return self.readable(self.folder.name, self.last)

    def _sessions(self) -> list[date]:
        calendar = read_calendar(self.folder)
        last = self._last()
        declared = calendar.filter(calendar.is_between(self.first or date.min, last or date.max)).to_list()
        if not declared:
            raise ValueError(f"no session of {self.folder} lies in {self.first} to {last}; correct first or last")
        return declared

    def _stamps(self) -> tuple[Stamp, ...]:
        return stamps([*self.folder.glob("*/*.txt"), *self.folder.glob("features/*/*.day.bin")])

    def _bars(self) -> pl.DataFrame:
        found = _deliveries(self, self._stamps())
        good = [one.bars for one in found if one.bars is not None]
        if not good:
            told = [f"features/{one.security_id}: {one.fault}" for one in found[:20]]
            raise ValueError("\n".join([f"none of {len(found)} securities can be read:", *told]))
        return pl.concat(good)


@functools.lru_cache(maxsize=1)
def _deliveries(spec: QlibBinSpec, made_from: tuple[Stamp, ...]) -> tuple[Delivery, ...]:
    """Every security of the list; `made_from` only tells changed files from those seen before."""
    calendar = read_calendar(spec.folder)
    spells = read_instruments(spec.folder, spec.instruments)
    in_st = read_instruments(spec.folder, spec.st) if spec.st else spells.clear()
    listed_on = _listings(spec, spells)
    spells_of = {str(key[0]): part for key, part in spells.partition_by("security_id", as_dict=True).items()}
    st_of = {str(key[0]): part for key, part in in_st.partition_by("security_id", as_dict=True).items()}
    return tuple(
        _delivery(spec, calendar, one, spells_of[one], st_of.get(one, in_st.clear()), listed_on.get(one))
        for one in sorted(spells_of)
    )


def _listings(spec: QlibBinSpec, spells: pl.DataFrame) -> dict[str, date]:
    """First day of each security by the list of all; an index's list tells when it entered, not when it was listed."""
    if spec.instruments != "all":
        has_all = (spec.folder / "instruments" / "all.txt").is_file()
        spells = read_instruments(spec.folder, "all") if has_all else spells.clear()
    return dict(spells.group_by("security_id").agg(pl.col("begins_on").min()).iter_rows())


def _delivery(
    spec: QlibBinSpec,
    calendar: pl.Series,
    security_id: str,
    spells: pl.DataFrame,
    in_st: pl.DataFrame,
    listed_on: date | None,
) -> Delivery:
    try:
        fields = _fields(spec, calendar, security_id)
    except (ValueError, OSError) as error:
        return Delivery(security_id, fault=f"{error}. Make it again with Qlib's dump_bin, or correct the settings.")
    session = pl.col("session")
    bars = fields.filter(_inside(session, spells)).with_columns(
        security_id=pl.lit(security_id),
        board=board(pl.lit(security_id)),
        listed_on=pl.lit(listed_on if listed_on != calendar[0] else None, dtype=pl.Date),
        is_st=_inside(session, in_st),
        is_unreformed=pl.lit(None, dtype=pl.Boolean),
        source_objection=pl.lit(None, dtype=pl.String),
    )
    return Delivery(security_id, bars)


def _inside(session: pl.Expr, spells: pl.DataFrame) -> pl.Expr:
    """Whether a session lies in one of the spells, first and last day included."""
    inside = pl.lit(False)
    for begins_on, ends_on in spells.select("begins_on", "ends_on").iter_rows():
        inside |= session.is_between(begins_on, ends_on)
    return inside


def _fields(spec: QlibBinSpec, calendar: pl.Series, security_id: str) -> pl.DataFrame:
    """Sessions of a security with prices as traded.

    raises  ValueError when a field is missing or faulty, or the units cannot be right
    """
    folder = spec.folder / "features" / security_id
    paths = {name: folder / f"{name}.day.bin" for name in FIELDS}
    held = {name: path for name, path in paths.items() if path.is_file()}
    if missing := [name for name in NEEDED if name not in held]:
        raise ValueError(f"has no {missing}; it has {sorted(held)}")
    if not {"amount", "vwap"} & held.keys() and not spec.estimate_amount:
        raise ValueError(
            "has neither amount nor vwap, so that no session has a true VWAP; "
            "dump one of them, or accept an estimate with estimate_amount: true"
        )
    series = {name: read_series(path, len(calendar)) for name, path in held.items()}
    start, end = min(one.start for one in series.values()), max(one.end for one in series.values())
    values = {name: one.between(start, end) for name, one in series.items()}
    rows = _as_traded(values, spec)
    if fault := unit_fault(rows, CORRECTION):
        raise ValueError(fault)
    told = f"features/{security_id}" + ("" if {"amount", "vwap"} & held.keys() else f", {ESTIMATE}")
    return rows.with_columns(calendar[start:end], delivery=pl.lit(told))


def _as_traded(values: dict[str, Floats], spec: QlibBinSpec) -> pl.DataFrame:
    factor_N = values["factor"]
    traded_N = np.isfinite(values["close"])
    shares_N = values["volume"] * factor_N * SHARES[spec.units.volume]
    prices = {name: np.round(values[name] / factor_N, 2) for name in PRICES}
    rows = pl.DataFrame(
        {
            **{name: np.where(traded_N, price_N, np.nan) for name, price_N in prices.items()},
            "volume": np.where(traded_N, np.round(shares_N), 0.0),
            "amount": np.where(traded_N, _amount(values, spec), 0.0),
            "prev_close": np.round(_last_close(values["close"]) / factor_N, 2),
            "adj_factor": factor_N,
            "is_suspended": ~traded_N,
        }
    )
    return rows.with_columns(pl.col(pl.Float64).fill_nan(None))


def _amount(values: dict[str, Floats], spec: QlibBinSpec) -> Floats:
    """Yuan: as kept, or vwap * volume, in which the factors cancel, or the estimate that the settings allow."""
    if "amount" in values:
        return values["amount"] * YUAN[spec.units.amount]
    price_N = values["vwap"] if "vwap" in values else np.mean([values[name] for name in PRICES], axis=0)
    return np.asarray(price_N * values["volume"] * SHARES[spec.units.volume])


def _last_close(close_N: Floats) -> Floats:
    """The last adjusted close before each session, NaN before the first, [N]."""
    place_N = np.where(np.isfinite(close_N), np.arange(len(close_N)), -1)
    last_N = np.concatenate([[-1], np.maximum.accumulate(place_N)[:-1]])
    return np.asarray(np.where(last_N >= 0, close_N[last_N], np.nan))
