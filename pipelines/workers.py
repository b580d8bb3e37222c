"""Workers: processes that compute for the one that started them, and end with it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing import active_children, get_context, parent_process
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

GRACE = 10.0
"""Seconds in which an interrupted worker puts its records in order."""
_is_stopped = threading.Event()


def workers(count: int | None = None, prepare: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """A pool of processes that import all anew; when the one that asks is killed, none of them is left behind.

    count    processes; as many as there are cores where absent
    prepare  called in each process before its first task
    """
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(prepare,))


def results(pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """What the workers make of the tasks, in their order; whatever ends this early stops the workers too.

    raises  the first error of a task; KeyboardInterrupt where this process or a worker was interrupted, by Ctrl-C or by
            a signal to this process alone: tasks that run are interrupted, others do not begin
    """
    asked = [pool.submit(_unless_stopped, function, task) for task in tasks]
    try:
        for one in asked:
            yield one.result()
    except BaseException:
        begun = [one for one in asked if not one.cancel()]
        # Ctrl-C in a terminal has reached the workers already, and twice would break off what they put in order.
        if wait(begun, GRACE).not_done:
            for number in filter(None, (worker.pid for worker in active_children())):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGINT)
        raise


def _begin(prepare: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, _stop)
    # A worker alone would finish its task and then wait for ever: it holds the other end of the queue itself.
    threading.Thread(target=_end_with_starter, daemon=True).start()
    if prepare:
        prepare()


def _end_with_starter() -> None:
    starter = parent_process()
    if starter:
        starter.join()
        os._exit(1)


def _unless_stopped(function: Callable[[Task], Result], task: Task) -> Result:
    """Only while a task runs does an interrupt raise; the pool has one more task in its queue than workers."""
    if _is_stopped.is_set():
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return function(task)
    except KeyboardInterrupt:
        _stop()
        raise
    finally:
        signal.signal(signal.SIGINT, _stop)
        # Dagster lets SIGTERM do what SIGINT does, and leaves it so.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(*_: object) -> None:
    """Begin no other task, and end also where nobody asks for it: a pool that has lost a worker does not."""
    _is_stopped.set()
    end = threading.Timer(GRACE, os._exit, (1,))
    end.daemon = True
    end.start()
