"""Yard: the honest market, made once, and slots in which trials take place, each in a process of its own.

A process is forked from one that has imported the third-party modules and nothing of the project, which saves more
than half of a trial. A slot keeps its folder, so that what numba and Python compiled stays of use.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml

from benchmarks.leak_zoo.leak import Model, Variant
from benchmarks.leak_zoo.planting import Copy
from benchmarks.leak_zoo.trial import Found, Ground, attempt, prepare

PRELOADED = (
    "dagster", "dataframely", "duckdb", "great_expectations", "great_expectations.expectations", "lightgbm",
    "matplotlib.pyplot", "mlflow", "mlflow.pyfunc", "mlflow.models", "numba", "numpy", "pandas", "polars",
    "pyarrow.parquet", "pydantic", "safetensors.numpy", "safetensors.torch", "scipy.sparse", "scipy.special",
    "scipy.stats", "sqlalchemy", "torch", "upath", "yaml",
)  # fmt: skip
QUIET = {
    "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "1", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}  # fmt: skip
NOT_A_NAME = r"[^\w()=.-]+"
LONGEST = 600
"""Seconds after which a trial is given up."""
WALK_FORWARD = {"first_test": "2015-02-01", "train": "9mo", "valid": "2mo", "test": "2mo"}
MODELS: dict[str, dict[str, Any]] = {
    "ridge": {"model": {"kind": "linear", "look_back": 5}},
    "lstm": {"model": {"kind": "lstm", "look_back": 10, "hidden": 8}, "training": {"seeds": 2, "max_epochs": 1}},
}


@dataclass
class Yard:
    """Slots over one honest market, all below `folder`.

    market  specification of the synthetic market, YAML
    slots   trials at a time
    """

    folder: Path
    market: Path
    slots: int
    _free: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    @property
    def _base(self) -> Path:
        return self.folder / "base"

    def open(self, groups: Collection[str] | None = None) -> None:
        """Copy the source into each slot and make the honest market in the first.

        groups  feature groups that trials will read beside prices and volumes; all that there are where None
        """
        os.environ.update(QUIET)
        multiprocessing.set_forkserver_preload(list(PRELOADED))
        copies = [Copy.make(self._slot(number) / "source") for number in range(self.slots)]
        if groups is not None:
            copies[0].keep_only(groups)
        self._ask(copies[0].groups, "ridge", self._slot(0) / "experiments")
        _in_process(prepare, self._ground(0, self._base))
        for copy in copies[1:]:
            _share_compiled(copies[0], copy)
        for number in range(self.slots):
            self._free.put(number)

    def try_variants(
        self, variants: Sequence[Variant], prefix: int, whole: Collection[Variant] = ()
    ) -> Iterator[tuple[Variant, Found]]:
        """How each variant ended, as they end; `prefix` decisions are tried with prefix recompute, twins never."""
        with ThreadPoolExecutor(self.slots) as pool:
            waiting: dict[Future[Found], Variant] = {}
            for variant in variants:
                tried = 0 if variant.is_twin else prefix
                waiting[pool.submit(self._try, variant, tried, whole=variant in whole)] = variant
            for done in as_completed(waiting):
                yield waiting[done], done.result()

    def try_patch(
        self, patch: Path, model: Model = "both", groups: Collection[str] | None = None, *, whole: bool = True
    ) -> Found:
        """How the project with a patch from outside ended; every feature group is read, or those that are named.

        whole   whether Dagster's automation asks for what is stale, as in a demo
        raises  PlantingError for a patch that does not apply
        """
        number = self._free.get()
        try:
            copy = Copy(self._slot(number) / "source")
            copy.restore()
            copy.apply(patch)
            if groups is not None:
                copy.keep_only(groups)
            return self._attempt(number, copy.groups, model, f"patch_{patch.stem}", 0, whole=whole)
        finally:
            self._free.put(number)

    def _try(self, variant: Variant, prefix: int, *, whole: bool) -> Found:
        number = self._free.get()
        try:
            copy = Copy(self._slot(number) / "source")
            copy.restore()
            copy.keep_only(variant.place.needs)
            copy.plant(variant)
            return self._attempt(number, variant.place.needs, variant.place.model, variant.name, prefix, whole=whole)
        finally:
            self._free.put(number)

    def _attempt(
        self, number: int, groups: Collection[str], model: Model, name: str, prefix: int, *, whole: bool
    ) -> Found:
        ground = self._ground(number, self._slot(number) / "home")
        shutil.rmtree(ground.home, ignore_errors=True)
        _copied(self._base, ground.home)
        self._ask(groups, model, ground.experiments)
        log = self.folder / "logs" / f"{re.sub(NOT_A_NAME, '_', name)[:120]}.log"
        found = _in_process(attempt, ground, log, prefix, whole)
        return found if isinstance(found, Found) else Found(broken=f"the process ended without a word; see {log}")

    def _slot(self, number: int) -> Path:
        return self.folder / f"slot_{number}"

    def _ground(self, number: int, home: Path) -> Ground:
        return Ground(self._slot(number) / "source", home, self.market.resolve(), self._slot(number) / "experiments")

    def _ask(self, groups: Collection[str], model: Model, folder: Path) -> None:
        """Write the experiments: each model on the groups that are asked for, beside prices and volumes."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("ridge", "lstm") if model == "both" else (model,):
            settings = {
                "question": "Does a leak show anything where nothing should be seen?",
                "features": list(dict.fromkeys(["price_window", "price_volume", *groups])),
                "target": {"horizon": 5},
                "walk_forward": WALK_FORWARD,
                "trading": {"top_k": 5, "hold_sessions": 5, "capital": 1_000_000},
                **MODELS[name],
            }
            (folder / f"zoo_{name}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def _copied(base: Path, home: Path) -> None:
    """The honest home again: data as links, since a file in store is replaced and never written to; the rest copied."""

    def link_or_copy(source: str, target: str) -> str:
        if source.endswith(".parquet"):
            os.link(source, target)
            return target
        return str(shutil.copy2(source, target))

    shutil.copytree(base, home, copy_function=link_or_copy)


def _share_compiled(source: Copy, target: Copy) -> None:
    """Copy what numba compiled in one copy of the source beside the same modules of another."""
    for path in source.folder.rglob("*.nb[ic]"):
        beside = target.folder / path.relative_to(source.folder)
        beside.parent.mkdir(exist_ok=True)
        shutil.copy2(path, beside)


def _in_process(work: Callable[..., Any], *arguments: object) -> Any:
    """What `work` returns in a new process; None where that ended without an answer. Raises what `work` raises."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        answer = ours.recv() if ours.poll(LONGEST) else None
    except EOFError:
        answer = None
    finally:
        process.kill()
        process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(pipe: Connection, work: Callable[..., Any], arguments: Sequence[object]) -> None:
    try:
        answer = work(*arguments)
    except Exception as error:
        answer = RuntimeError(f"{type(error).__name__}: {error}")
    pipe.send(answer)
