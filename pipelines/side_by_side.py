"""Side by side: folds of a walk-forward in processes of their own, as many as there are cores, one thread each."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import dagster as dg

from pipelines.catch_up import Ask, Outcome, run
from pipelines.home import be_quiet
from pipelines.project import Project, load_project
from pipelines.run_log import quicken
from pipelines.settings import read_settings


def folds_at_once(asks: list[Ask]) -> Iterator[Outcome]:
    """Run each fold as a Dagster run of its own; outcomes come in the order of the asks."""
    workers = min(len(asks), os.cpu_count() or 1)
    # Small matrices gain nothing from a second thread; a second fold does.
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1" if workers > 1 else str(os.cpu_count() or 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_prepare) as pool:
        yield from pool.map(_run, asks)


def _prepare() -> None:
    be_quiet()
    quicken()
    _project()


@functools.cache
def _project() -> Project:
    return load_project(read_settings())


def _run(ask: Ask) -> Outcome:
    with dg.DagsterInstance.get() as instance:
        return run(_project(), instance, ask)
