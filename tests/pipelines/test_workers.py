"""Workers end with the process that started them, whatever they are at."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODE = """
import os, sys, time
from pipelines.workers import workers

def tell(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)

if __name__ == "__main__":
    with workers(2) as pool:
        list(pool.map(tell, [float(word) for word in sys.argv[1:]]))
"""


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc: a worker that was left cannot be told")
@pytest.mark.parametrize("seconds", [(60.0, 60.0), (60.0, 0.0)], ids=["at work", "one waits"])
def test_no_worker_is_left_when_the_one_that_started_them_is_killed(tmp_path: Path, seconds: tuple[float, ...]):
    file = tmp_path / "starts.py"
    file.write_text(CODE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    starter = subprocess.Popen(
        [sys.executable, str(file), *map(str, seconds)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    left = [int(starter.stdout.readline()) for _ in seconds]
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + 20
    while any(map(is_alive, left)):
        assert time.monotonic() < deadline, "a worker outlived the process that started it"
        time.sleep(0.05)
