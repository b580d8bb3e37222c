"""Side by side: folds of a walk-forward in processes of their own, as many as there are cores, one thread each."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.queues import SimpleQueue

import dagster as dg

from pipelines.catch_up import Ask, Outcome, run
from pipelines.home import be_quiet
from pipelines.project import Project, load_project
from pipelines.run_log import quicken
from pipelines.seeds import cores
from pipelines.settings import read_settings


def folds_at_once(asks: list[Ask]) -> Iterator[Outcome]:
    """Run each fold as a Dagster run of its own; outcomes come in the order of the asks."""
    workers = min(len(asks), cores())
    # Small matrices gain nothing from a second thread; a second fold does.
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1" if workers > 1 else str(cores())
    context = multiprocessing.get_context("spawn")
    places = context.SimpleQueue()
    for worker in range(workers):
        places.put(worker)
    with ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=(places, workers)) as pool:
        yield from pool.map(_run, asks)


def _prepare(places: SimpleQueue[int], workers: int) -> None:
    """Take a share of the cores, by which a fold knows that others run beside it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[places.get() :: workers])
    be_quiet()
    quicken()
    _project()


@functools.cache
def _project() -> Project:
    return load_project(read_settings())


def _run(ask: Ask) -> Outcome:
    with dg.DagsterInstance.get() as instance:
        return run(_project(), instance, ask)
