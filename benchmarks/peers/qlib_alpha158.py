"""Qlib's Alpha158 by Qlib's own engine, in its own environment: `python qlib_alpha158.py DATA OUT PRECISION`.

DATA is a folder in Qlib's layout. The 158 expressions go through `D.features` in one process, without any cache on
disk and with the memory cache emptied before. The last line is JSON: `seconds` are processor seconds, user and system,
of the expressions, less those of reading the six raw fields in the same way. With a folder OUT each column is written
there as NAME.npy, [securities, sessions], both in the order of DATA. PRECISION float64 widens the stored float32 values
as they are read, so that what Qlib computes between them is in float64 too; the default is Qlib's own, float32.
"""
# S securities, T sessions

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import qlib  # type: ignore[import-not-found]
from qlib.contrib.data.loader import Alpha158DL  # type: ignore[import-not-found]
from qlib.data import D  # type: ignore[import-not-found]
from qlib.data.cache import H  # type: ignore[import-not-found]
from qlib.data.storage.file_storage import FileFeatureStorage  # type: ignore[import-not-found]

RAW = ["$open", "$high", "$low", "$close", "$vwap", "$volume"]


def main(data: str, out: str = "", precision: str = "float32") -> None:
    """Compute, tell the seconds, and write the columns where asked to."""
    if precision == "float64":
        _widen()
    qlib.init(provider_uri=data, kernels=1, expression_cache=None, dataset_cache=None, logging_level=40)
    lines = (Path(data) / "instruments" / "all.txt").read_text(encoding="utf-8").splitlines()
    securities = [line.split("\t")[0] for line in lines]
    sessions = D.calendar()
    fields, names = Alpha158DL.get_feature_config()
    reading, _ = _timed(securities, RAW)
    everything, frame = _timed(securities, fields)
    if out:
        _write(frame, names, securities, sessions, Path(out))
    told = {"seconds": everything - reading, "reading": reading, "columns": len(names), "rows": len(frame)}
    print(json.dumps({**told, "version": qlib.__version__}))


def _widen() -> None:
    """Let Qlib's store give float64 where it gives float32."""
    read = FileFeatureStorage.__getitem__

    def widened(self: FileFeatureStorage, place: int | slice) -> object:
        found = read(self, place)
        return found.astype(np.float64) if isinstance(found, pd.Series) else found

    FileFeatureStorage.__getitem__ = widened


def _timed(securities: list[str], fields: list[str]) -> tuple[float, pd.DataFrame]:
    H.clear()
    began = time.process_time()
    frame = D.features(securities, fields, disk_cache=0)
    return time.process_time() - began, frame


def _write(frame: pd.DataFrame, names: list[str], securities: list[str], sessions: object, out: Path) -> None:
    rows = pd.Index(securities).get_indexer(frame.index.get_level_values("instrument"))
    columns = pd.Index(sessions).get_indexer(frame.index.get_level_values("datetime"))
    for place, name in enumerate(names):
        values_ST = np.full((len(securities), len(sessions)), np.nan)  # type: ignore[arg-type]
        values_ST[rows, columns] = frame.iloc[:, place].to_numpy()
        np.save(out / f"{name}.npy", values_ST)


if __name__ == "__main__":
    main(*sys.argv[1:])
