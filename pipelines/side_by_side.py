"""Side by side: folds of a walk-forward in processes of their own, as many as there are cores, one thread each."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg

from pipelines.catch_up import Ask, Outcome, run
from pipelines.home import be_quiet
from pipelines.project import Project, load_project
from pipelines.run_log import quicken
from pipelines.seeds import CORES, cores
from pipelines.settings import read_settings
from pipelines.workers import results, workers


def folds_at_once(asks: list[Ask]) -> Iterator[Outcome]:
    """Run each fold as a Dagster run of its own; outcomes come in the order of the asks."""
    count = max(1, min(len(asks), cores()))
    threads = "1" if count > 1 else str(cores())
    # Small matrices gain nothing from a second thread; a second fold does. By its cores a fold knows what is its own.
    told = {"OMP_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads, CORES: str(cores() // count)}
    with _environment(told), workers(count, _prepare) as pool:
        yield from results(pool, _run, asks)


@contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    """Variables that processes started inside inherit."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


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
