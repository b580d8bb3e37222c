"""Qlib folder: wide arrays written in Qlib's binary layout, as its own dump_bin would.

    calendars/day.txt                    one session a line
    instruments/all.txt                  symbol, first and last session of it, tab between them
    features/<symbol>/<field>.day.bin    little-endian float32: place of its first session in the calendar, then values

Source: Qlib, scripts/dump_bin.py and docs/component/data.rst; `assets.sources.vendors.qlib_files` reads it.
"""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_qlib_folder(
    folder: Path, sessions: Sequence[date], securities: Sequence[str], fields: Mapping[str, NDArray[np.float64]]
) -> None:
    """Write every field, [S, T], from the first to the last session in which a security has any value.

    raises  ValueError for a security without a value
    """
    for name in ("calendars", "instruments", "features"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "calendars" / "day.txt").write_text("".join(f"{day}\n" for day in sessions), encoding="utf-8")
    held_ST = ~np.all([np.isnan(values_ST) for values_ST in fields.values()], axis=0)
    lines = []
    for row, security in enumerate(securities):
        places = np.flatnonzero(held_ST[row])
        if not places.size:
            raise ValueError(f"{security} has no value in {len(sessions)} sessions; leave it out")
        start, end = int(places[0]), int(places[-1]) + 1
        lines.append(f"{security.upper()}\t{sessions[start]}\t{sessions[end - 1]}\n")
        own = folder / "features" / security
        own.mkdir(exist_ok=True)
        for name, values_ST in fields.items():
            np.concatenate([[start], values_ST[row, start:end]]).astype("<f4").tofile(own / f"{name}.day.bin")
    (folder / "instruments" / "all.txt").write_text("".join(lines), encoding="utf-8")
