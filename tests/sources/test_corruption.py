"""A sound file, corrupted at random: it ends in words of ours or in refused rows, and what was not touched arrives."""

import io
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from delivery_folder import (
    BROKEN,
    MAPPING,
    NAMES,
    OURS,
    SECOND,
    WHOLE,
    Arrival,
    Lines,
    arrival,
    csv,
    in_our_words,
    lines_of,
    sound_rows,
)

ROWS = len(sound_rows(BROKEN))
Securities = tuple[str, ...]
ODD = [
    "",
    "--",
    "NaN",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e308",
    "1e-308",
    "9" * 40,
    "1,5",
    '"',
    '"1,000"',
    "\0",
    "合计",
    "\r",
]
DATES = ["2015-06-06", "2015-06-02", "2015-02-30", "42156", "20150601", "1/6/2015", "9999-12-31", "0000-00-00"]
CODES = ["sh600000", "SZ000001", "1", "600000.SH", "bj430001", "sh68800", "sh6000001", "sz300001 ", "sh600001"]
CELLS = st.one_of(st.sampled_from(ODD + DATES + CODES), st.text(max_size=8), st.floats().map(str), st.dates().map(str))
NUMBERS = st.one_of(
    st.none(), st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e308, 5e-324, 10.0]), st.floats()
)
ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates())
OPTIONAL = ["units", "date_format", "code_format", "is_st", "is_suspended", "suspended", "securities", "available_at"]
OPTIONAL += ["first", "last", "refuse"]
WHERE = st.integers(0, ROWS - 1)


@dataclass(frozen=True)
class Corrupt:
    """A corrupted file of bars.

    touched  rows that were touched; the others must arrive
    doubted  whether the file as a whole may be refused for it
    """

    content: bytes
    touched: frozenset[int]
    doubted: bool
    suffix: str = ".csv"


@st.composite
def cells(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """A few cells hold anything."""
    lines = lines_of(securities)
    changes = draw(st.lists(st.tuples(WHERE, st.integers(0, len(NAMES) - 1), CELLS), min_size=1, max_size=4))
    for row, place, cell in changes:
        lines[row + 1][place] = cell
    # A quotation mark or an end of line inside a cell reaches beyond its row.
    doubted = any(mark in cell for _, _, cell in changes for mark in '"\r\n')
    rows = {row + near for row, _, _ in changes for near in ((0, 1) if doubted else (0,))}
    return Corrupt(csv(lines), frozenset(rows), doubted)


@st.composite
def rows(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """Rows are lost, cut, made longer, repeated and mixed; lines of anything stand between them."""
    lines = lines_of(securities)
    lost, cut, longer = (draw(st.frozensets(WHERE, max_size=3)) for _ in range(3))
    body: Lines = []
    for number, line in enumerate(lines[1:]):
        short = line[: draw(st.integers(0, len(NAMES) - 1))] if number in cut else line
        body += [] if number in lost else [[*short, *(["", "x"] if number in longer else [])]]
    body += [lines[1 + row] for row in draw(st.lists(WHERE, max_size=3))]
    body += draw(
        st.lists(st.lists(st.sampled_from([cell for cell in ODD if cell not in '"\r']), max_size=12), max_size=3)
    )
    random.Random(draw(st.integers(0, 99))).shuffle(body)
    return Corrupt(csv([lines[0], *body]), lost | cut | longer, '"1,000"' in str(body))


COLUMN: dict[str, Callable[[Lines, int, str], Lines]] = {
    "other cells": lambda lines, at, cell: [lines[0], *([*r[:at], cell, *r[at + 1 :]] for r in lines[1:])],
    "cells cut": lambda lines, at, cell: [lines[0], *([*r[:at], r[at][:-1], *r[at + 1 :]] for r in lines[1:])],
    "cells longer": lambda lines, at, cell: [lines[0], *([*r[:at], r[at] + cell, *r[at + 1 :]] for r in lines[1:])],
    "lost": lambda lines, at, cell: [[*r[:at], *r[at + 1 :]] for r in lines],
    "twice": lambda lines, at, cell: [[*r, r[at]] for r in lines],
    "another name": lambda lines, at, cell: [[*lines[0][:at], cell, *lines[0][at + 1 :]], *lines[1:]],
    "names exchanged": lambda lines, at, cell: [[*lines[0][at:], *lines[0][:at]], *lines[1:]],
}


@st.composite
def columns(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """A whole column is another one, or none."""
    change = draw(st.sampled_from(sorted(COLUMN)))
    lines = COLUMN[change](lines_of(securities), draw(st.integers(0, len(NAMES) - 1)), draw(CELLS))
    return Corrupt(csv(lines), frozenset(range(ROWS)), doubted=True)


def changed_bytes(draw: st.DrawFn, content: bytes) -> tuple[bytes, list[int]]:
    """Other bytes at a few places, and those places."""
    places = draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4))
    other = bytearray(content)
    for place in places:
        other[place] = draw(st.integers(0, 255))
    return bytes(other), places


@st.composite
def bytes_of_csv(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """Other bytes somewhere, or the file ends early."""
    content = csv(lines_of(securities))
    if draw(st.booleans()):
        end = draw(st.integers(0, len(content) - 1))
        return Corrupt(content[:end], frozenset(range(max(0, content.count(b"\n", 0, end) - 1), ROWS)), doubted=True)
    other, places = changed_bytes(draw, content)
    lines = [content.count(b"\n", 0, place) for place in places]
    return Corrupt(other, frozenset(line + near for line in lines for near in (-1, 0)), doubted=True)


@st.composite
def cells_of_parquet(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """A few cells hold any number or nothing."""
    frame, touched = sound_rows(securities), set()
    for row, name, number in draw(st.lists(st.tuples(WHERE, st.sampled_from(NAMES[2:]), NUMBERS), max_size=4)):
        frame = frame.with_columns(pl.when(pl.int_range(ROWS) == row).then(number).otherwise(name).alias(name))
        touched.add(row)
    return Corrupt(written(frame), frozenset(touched), False, ".parquet")


KINDS = [pl.String, pl.Float32, pl.Int64, pl.Int8, pl.Boolean, pl.Date, pl.Datetime, pl.Time, pl.Binary, pl.Categorical]


@st.composite
def columns_of_parquet(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """A column has another type, or is not there."""
    name, kind = draw(st.sampled_from(NAMES)), draw(st.sampled_from([*KINDS, pl.List(pl.Float64), None]))
    frame = sound_rows(securities)
    try:
        frame = frame.drop(name) if kind is None else frame.with_columns(pl.col(name).cast(kind, strict=False))
    except pl.exceptions.PolarsError:
        frame = frame.with_columns(pl.lit(None, dtype=kind).alias(name))
    return Corrupt(written(frame), frozenset(range(ROWS)), True, ".parquet")


@st.composite
def bytes_of_parquet(draw: st.DrawFn, securities: Securities) -> Corrupt:
    """Other bytes somewhere, or the file ends early."""
    content = written(sound_rows(securities))
    other = (
        content[: draw(st.integers(0, len(content) - 1))] if draw(st.booleans()) else changed_bytes(draw, content)[0]
    )
    return Corrupt(other, frozenset(range(ROWS)), True, ".parquet")


def written(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def of_csv(securities: Securities) -> st.SearchStrategy[Corrupt]:
    return st.one_of(kind(securities) for kind in (cells, rows, columns, bytes_of_csv))


def of_parquet(securities: Securities) -> st.SearchStrategy[Corrupt]:
    return st.one_of(kind(securities) for kind in (cells_of_parquet, columns_of_parquet, bytes_of_parquet))


@settings(max_examples=500, deadline=None)
@given(of_csv(BROKEN), of_csv(SECOND))
def test_of_a_thousand_corrupted_csv_files_every_row_is_accounted_for(first, second):
    whole = csv(lines_of(WHOLE))
    assert_accounted_for("csv", whole, first, second)


@settings(max_examples=500, deadline=None)
@given(of_parquet(BROKEN), of_parquet(SECOND))
def test_of_a_thousand_corrupted_parquet_files_every_row_is_accounted_for(first, second):
    assert_accounted_for("parquet", written(sound_rows(WHOLE)), first, second)


def assert_accounted_for(kind: str, whole: bytes, first: Corrupt, second: Corrupt) -> None:
    """The way of a folder ends in words of ours or in refused rows, and whatever was not touched arrives."""
    with tempfile.TemporaryDirectory() as place:
        for name, content in (("first", first.content), ("second", second.content), ("whole", whole)):
            (Path(place) / f"{name}.{kind}").write_bytes(content)
        came = arrival(Path(place), {"files": f"*.{kind}", "format": kind})
    sound = [sound_rows(WHOLE)]
    for name, securities, corrupt in (("first", BROKEN, first), ("second", SECOND, second)):
        if f"{name}.{kind}" not in came.files:
            sound.append(sound_rows(securities).filter(~pl.int_range(ROWS).is_in(list(corrupt.touched))))
    doubted = {f"{name}.{kind}" for name, one in (("first", first), ("second", second)) if one.doubted}
    assert set(came.files) <= doubted
    assert_arrived(came, pl.concat(sound))


def assert_arrived(came: Arrival, sound: pl.DataFrame) -> None:
    """Sound rows were kept as they were, but for those of which another row says the same or the contrary."""
    told = came.refused.filter(pl.col("rule").is_in(["duplicate", "contradiction"]))
    key = ["session", "security_id"]
    named = sound.rename({"date": "session", "code": "security_id", "c": "close", "vol": "volume"})
    sure = named.join(told, on=key, how="anti")
    lost = sure.join(came.kept, on=[*key, "close", "volume"], how="anti")
    assert lost.is_empty(), (lost, came.refused)


KEYS = st.sampled_from([*MAPPING, *(f"columns.{ours}" for ours in OURS), *OPTIONAL])
VALUES = st.recursive(
    ANY, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
)


@st.composite
def mappings(draw: st.DrawFn) -> bytes:
    """A mapping in which a few settings are anything, or a few bytes."""
    settings_: dict[str, object] = MAPPING | {"columns": dict(MAPPING["columns"])}
    for key, value in draw(st.lists(st.tuples(KEYS, VALUES), max_size=2)):
        if key.startswith("columns."):
            settings_["columns"] = dict(MAPPING["columns"]) | {key.removeprefix("columns."): value}
        else:
            settings_[key] = value
    text = yaml.safe_dump(settings_, allow_unicode=True).encode()
    return changed_bytes(draw, text)[0] if draw(st.booleans()) else text


@settings(max_examples=500, deadline=None)
@given(mappings())
def test_whatever_a_mapping_says_the_bars_arrive_or_the_error_names_the_place(mapping):
    with tempfile.TemporaryDirectory() as place, in_our_words() as said:
        (Path(place) / "whole.csv").write_bytes(csv(lines_of(WHOLE)))
        (Path(place) / "mapping.yaml").write_bytes(mapping)
        arrival(Path(place))
    assert all(place in words or "whole.csv" in words for words in said)
