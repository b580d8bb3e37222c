"""KunQuant's predefined Alpha158, compiled to one C++ library in float64, on one thread: `... DATA BUILD OUT`.

DATA holds each input field as NAME.npy, [sessions, securities]. The library is compiled into BUILD where it is not yet
there, which is not timed, and neither is laying the arrays in blocks of four securities, its fastest layout here. The
last line is JSON: `seconds` are processor seconds, user and system, of the second run of the graph, which makes the
arrays of its results; the first lets the process have its memory. With a folder OUT each column is written there as
NAME.npy, [securities, sessions].
"""
# S securities, T sessions, N blocks of L securities

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from KunQuant.Driver import KunCompilerConfig  # type: ignore[import-not-found]
from KunQuant.jit import cfake  # type: ignore[import-not-found]
from KunQuant.Op import Builder, Input, Output  # type: ignore[import-not-found]
from KunQuant.predefined.Alpha158 import AllData  # type: ignore[import-not-found]
from KunQuant.runner import KunRunner  # type: ignore[import-not-found]
from KunQuant.Stage import Function  # type: ignore[import-not-found]
from numpy.typing import NDArray

FIELDS = ("open", "high", "low", "close", "volume", "amount")
MODULE = "alpha158"
BLOCK = 4


def main(data: str, build: str, out: str = "") -> None:
    """Compile where needed, compute twice, tell the seconds of the second time, and write the columns if asked to."""
    library = Path(build) / MODULE / f"{MODULE}.so"
    if not library.exists():
        _compile(build)
    module = KunRunner.Library.load(str(library)).getModule(MODULE)
    inputs = {name: _blocked(np.load(Path(data) / f"{name}.npy")) for name in FIELDS}
    sessions = inputs["close"].shape[1]
    executor = KunRunner.createSingleThreadExecutor()
    KunRunner.runGraph(executor, module, inputs, 0, sessions)
    began = time.process_time()
    outputs = KunRunner.runGraph(executor, module, inputs, 0, sessions)
    seconds = time.process_time() - began
    if out:
        for name, values_NTL in outputs.items():
            np.save(Path(out) / f"{name}.npy", values_NTL.transpose(0, 2, 1).reshape(-1, sessions))
    print(json.dumps({"seconds": seconds, "columns": len(outputs), "version": version("KunQuant")}))


def _blocked(values_TS: NDArray[np.float64]) -> NDArray[np.float64]:
    """[sessions, securities] as [blocks, sessions, securities of a block]; raises ValueError for an odd number."""
    sessions, securities = values_TS.shape
    if securities % BLOCK:
        raise ValueError(f"{securities} securities are no multiple of {BLOCK}; leave some out")
    return np.ascontiguousarray(values_TS.reshape(sessions, securities // BLOCK, BLOCK).transpose(1, 0, 2))


def _compile(build: str) -> None:
    """The graph of Alpha158 with the options of KunQuant's own test of it, for the processor at hand."""
    builder = Builder()
    with builder:
        fields = AllData(**{name: Input(name) for name in FIELDS})
        price = [("OPEN", fields.open), ("HIGH", fields.high), ("LOW", fields.low), ("VWAP", fields.vwap)]
        rolling = {"windows": [5, 10, 20, 30, 60]}
        asked = {"kbar": {}, "price": {"windows": [0], "feature": price}, "rolling": rolling}
        for column, name in zip(*fields.build(asked), strict=True):
            Output(column, name)
    settings = KunCompilerConfig(
        dtype="double",
        blocking_len=BLOCK,
        partition_factor=4,
        input_layout="STs",
        output_layout="STs",
        options={"opt_reduce": True, "fast_log": True, "no_fast_stat": "no_warn"},
    )
    compiler = cfake.CppCompilerConfig(machine=cfake.NativeCPUFlags())
    target = [(MODULE, Function(builder.ops), settings)]
    cfake.compileit(target, MODULE, compiler, tempdir=build, keep_files=True, load=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
