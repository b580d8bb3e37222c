"""Warehouse: immutable Parquet, one file per asset and partition, written aside and renamed into place.

A crash leaves the old file or the new one. Readers scan files lazily and never wait.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import polars as pl
from upath import UPath

from expectations.tables import Table

if TYPE_CHECKING:
    from dagster import InputContext, OutputContext

WHOLE = "all"
EMPTY = "empty"


@dataclass(frozen=True)
class Part:
    """What was stored of one partition: its rows and the hash of its content."""

    rows: int
    content: str


Stored = dict[str | None, Part]
"""Partitions that a step has stored itself, piece by piece, instead of handing over one frame of them all."""


class Warehouse(dg.UPathIOManager):
    """Stores frames as `<root>/<asset key>/<partition>.parquet`; an unpartitioned asset's file is `all.parquet`.

    root      folder or object-store address
    schemas   asset key -> schema; a read is cast to it and an asset without files reads as no rows
    """

    extension = ".parquet"

    def __init__(self, root: str, schemas: Mapping[str, type[Table]]) -> None:
        super().__init__(base_path=UPath(root))
        self.root = root
        self.schemas = schemas

    def path(self, key: str, partition: str | None) -> UPath:
        """The file of one partition of an asset."""
        return UPath(self.root).joinpath(*key.split("/"), f"{partition or WHOLE}{self.extension}")

    def write(self, key: str, partition: str | None, frame: pl.DataFrame) -> str:
        """Write one partition and return the hash of its content."""
        store_frame(self.path(key, partition), frame)
        return content_hash(frame)

    def read(self, key: str, partitions: list[str] | None = None) -> pl.LazyFrame:
        """One lazy scan over the given partitions, or over every file of the asset.

        raises  FileNotFoundError naming the partitions that have not been materialised
        """
        schema = self.schemas[key]
        if partitions is None:
            files = [str(path) for path in self._files(key) if path.stem != EMPTY]
        else:
            files = self.files(key, partitions)
        return schema.cast(pl.scan_parquet(files)) if files else schema.create_empty().lazy()

    def files(self, key: str, partitions: Sequence[str]) -> list[str]:
        """Addresses of the files of some partitions, in their order; raises as `read`."""
        paths = [self.path(key, partition) for partition in partitions]
        if missing := [path.stem for path in paths if not path.exists()]:
            raise FileNotFoundError(
                f"{key} has no data for {_some(missing)}; materialise {key} for them before what reads it"
            )
        return [str(path) for path in paths]

    def dump_to_path(self, context: OutputContext, obj: pl.DataFrame, path: UPath) -> None:
        """Write one file (the single-file half of the storage contract)."""
        store_frame(path, obj)

    def load_from_path(self, context: InputContext, path: UPath) -> pl.LazyFrame:
        """Scan one file (the single-file half of the storage contract)."""
        return pl.scan_parquet(str(path))

    def load_input(self, context: InputContext) -> pl.LazyFrame:
        """The upstream asset as one lazy frame over the partitions that are mapped to this step."""
        key = context.asset_key.to_user_string()
        partitions = list(context.asset_partition_keys) if context.has_asset_partitions else [WHOLE]
        return self.read(key, partitions)

    def store(
        self, key: str, frame: pl.DataFrame, keys: Sequence[str], partitions: dg.TimeWindowPartitionsDefinition
    ) -> Stored:
        """Split a frame by partition and write each part; `keys` are the neighbouring partitions that it covers."""
        return {part: self._store(key, part, rows) for part, rows in _split(frame, keys, partitions).items()}

    def handle_output(self, context: OutputContext, obj: pl.DataFrame | Stored) -> None:
        """Store a frame where the step has not done so, and note rows and content hash on the materialisation."""
        key = context.asset_key.to_user_string()
        for partition, part in (obj if isinstance(obj, dict) else self._store_all(context, key, obj)).items():
            context.step_context.add_asset_metadata(
                {"content": part.content, "dagster/partition_row_count": part.rows, "rows": part.rows},
                asset_key=context.asset_key,
                partition_key=partition if context.has_asset_partitions else None,
            )

    def _store_all(self, context: OutputContext, key: str, frame: pl.DataFrame) -> Stored:
        if not context.has_asset_partitions:
            return {WHOLE: self._store(key, WHOLE, frame)}
        partitions = context.asset_partitions_def
        if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
            raise TypeError(f"{key} must be partitioned by time, found {partitions}")
        return self.store(key, frame, list(context.asset_partition_keys), partitions)

    def _store(self, key: str, partition: str | None, frame: pl.DataFrame) -> Part:
        return Part(frame.height, self.write(key, partition, frame))

    def stored(self, key: str) -> set[str | None]:
        """Partitions of an asset that have a file; None stands for an unpartitioned asset's one."""
        return {None if p.stem == WHOLE else p.stem for p in self._files(key) if p.stem != EMPTY}

    def _files(self, key: str) -> list[UPath]:
        folder = UPath(self.root).joinpath(*key.split("/"))
        return sorted(folder.glob(f"*{self.extension}")) if folder.exists() else []


def store_frame(path: UPath, frame: pl.DataFrame) -> None:
    """Write a frame beside its place and rename it in, so that no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.writing")
    try:
        with aside.open("wb") as sink:
            frame.write_parquet(sink, compression="zstd")
        if aside.protocol in ("", "file"):
            os.replace(aside.path, path.path)
        else:
            aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def content_hash(frame: pl.DataFrame) -> str:
    """Hash of the values, names and types of a frame in row order; nothing of when, where or how it was made.

    Two equal frames have one hash whatever lies in their memory: chunks, or a mask that masks nothing.
    """
    digest = hashlib.blake2b(repr(frame.schema).encode(), digest_size=16)
    for column in frame.get_columns():
        nulls = column.null_count()
        digest.update(str(nulls).encode())
        if nulls:
            digest.update(np.packbits(column.is_null().to_numpy()).data)
        digest.update(_values(column))
    return digest.hexdigest()


def _values(column: pl.Series) -> bytes | memoryview:
    if column.dtype == pl.String:
        texts = column.fill_null("")
        return texts.str.len_bytes().to_numpy().tobytes() + "".join(texts.to_list()).encode()
    physical = column.cast(pl.UInt8) if column.dtype == pl.Boolean else column.to_physical()
    return np.ascontiguousarray((physical.fill_null(0) if physical.null_count() else physical).to_numpy()).data


def digest_of(stored: Stored) -> str:
    """One hash of all partitions that a step has stored."""
    contents = "|".join(f"{partition} {part.content}" for partition, part in stored.items())
    return hashlib.blake2b(contents.encode(), digest_size=16).hexdigest()


def _split(
    frame: pl.DataFrame, keys: Sequence[str], partitions: dg.TimeWindowPartitionsDefinition
) -> dict[str, pl.DataFrame]:
    if "fold" in frame.columns:
        return {key: frame.filter(pl.col("fold") == key) for key in keys}
    first = partitions.get_first_partition_key()
    return {key: frame.filter(_within(frame, partitions, key, written=keys[0], first=first)) for key in keys}


def _within(
    frame: pl.DataFrame, partitions: dg.TimeWindowPartitionsDefinition, key: str, *, written: str, first: str | None
) -> pl.Expr:
    """Rows of one month; undated ones, which only raw tables have, go to the first month written.

    Facts that were known before the first month of all go there.
    """
    date_column = pl.col("session" if "session" in frame.columns else "known_on")
    window = partitions.time_window_for_partition_key(key)
    start, end = date.fromisoformat(f"{window.start:%Y-%m-%d}"), date.fromisoformat(f"{window.end:%Y-%m-%d}")
    inside = date_column < end if key == first else date_column.is_between(start, end, closed="left")
    return inside.fill_null(key == written)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
