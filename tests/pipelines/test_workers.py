"""Workers end with the process that started them, and when it is told to stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipelines.workers import GRACE

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc tells which processes live")
CODE = """
import os, sys, time
from pipelines.workers import results, workers

def tell(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)
    return seconds

if __name__ == "__main__":
    with workers(2) as pool:
        print(list(results(pool, tell, [float(word) for word in sys.argv[1:]])))
"""
SPARE = 15.0


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_the_end(processes: list[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, "a worker outlived what should have ended it"
        time.sleep(0.05)


@contextmanager
def started(folder: Path, *seconds: float) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process in a group of its own whose two workers have begun the first two tasks, and the workers."""
    file = folder / "starts.py"
    file.write_text(CODE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with subprocess.Popen(
        [sys.executable, str(file), *map(str, seconds)], env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as starter:  # fmt: skip
        assert starter.stdout
        try:
            yield starter, [int(starter.stdout.readline()) for _ in range(2)]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(starter.pid, signal.SIGKILL)


@pytest.mark.parametrize("seconds", [(60.0, 60.0), (60.0, 0.0)], ids=["at work", "one waits"])
def test_no_worker_is_left_when_the_one_that_started_them_is_killed(tmp_path: Path, seconds: tuple[float, ...]):
    with started(tmp_path, *seconds) as (starter, workers):
        starter.kill()
        wait_for_the_end(workers, SPARE)


@pytest.mark.parametrize("whom", ["the group, as Ctrl-C does", "the starter alone"])
def test_an_interrupt_stops_tasks_that_run_and_lets_no_other_begin(tmp_path: Path, whom: str):
    with started(tmp_path, 60, 60, 60, 60, 60, 60) as (starter, workers):
        (os.kill if "alone" in whom else os.killpg)(starter.pid, signal.SIGINT)
        told, error = starter.communicate(timeout=2 * GRACE + SPARE)
        assert "KeyboardInterrupt" in error
        assert told == "", "another task has begun"
        assert starter.returncode != 0
        wait_for_the_end(workers, SPARE)


def test_a_worker_that_is_killed_ends_the_others_and_is_told(tmp_path: Path):
    with started(tmp_path, 60, 60, 60, 60) as (starter, workers):
        os.kill(workers[0], signal.SIGKILL)
        _, error = starter.communicate(timeout=2 * GRACE + SPARE)
        assert "BrokenProcessPool" in error
        wait_for_the_end(workers, SPARE)


def test_results_come_in_the_order_of_the_tasks(tmp_path: Path):
    with started(tmp_path, 0.5, 0, 0.2) as (starter, _):
        told, _ = starter.communicate(timeout=SPARE)
        assert told.splitlines()[-1] == "[0.5, 0.0, 0.2]"
