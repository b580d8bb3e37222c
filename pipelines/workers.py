"""Workers: processes that compute for the one that started them, and end with it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process


def workers(count: int | None = None, prepare: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """A pool of processes that import all anew; when the one that asks is killed, none of them is left behind.

    count    processes; as many as there are cores where absent
    prepare  called in each process before its first task
    """
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(prepare,))


def _begin(prepare: Callable[[], None] | None) -> None:
    # A worker alone would finish its task and then wait for ever: it holds the other end of the queue itself.
    threading.Thread(target=_end_with_starter, daemon=True).start()
    if prepare:
        prepare()


def _end_with_starter() -> None:
    starter = parent_process()
    if starter:
        starter.join()
        os._exit(1)
