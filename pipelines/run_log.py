"""Run log: Dagster's SQLite files without a wait for the disk at every event.

Each event is several commits, and by default each commit and each close waits for the disk: ten milliseconds a time,
half a minute for a run over years of months. A write-ahead log with `synchronous = NORMAL` loses at most the last
moments on a power cut and is never corrupted (sqlite.org/pragma.html#pragma_synchronous); a killed process loses
nothing.
"""

from __future__ import annotations

import sqlite3

import sqlalchemy
from sqlalchemy.engine import Engine

_kept_open: dict[str, sqlite3.Connection] = {}


def quicken() -> None:
    """Apply to every SQLite connection that this process opens from now on."""
    if not sqlalchemy.event.contains(Engine, "connect", _on_connect):
        sqlalchemy.event.listen(Engine, "connect", _on_connect)


def _on_connect(connection: object, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    file = next((row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"), "")
    if mode == "wal" and file:
        connection.execute("PRAGMA synchronous = NORMAL")
        # The last connection to close copies the log back and waits; one that stays open is never the last.
        if file not in _kept_open:
            _kept_open[file] = sqlite3.connect(file, check_same_thread=False)
            _kept_open[file].execute("PRAGMA schema_version").fetchone()
