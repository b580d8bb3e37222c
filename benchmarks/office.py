"""Office: a home with the user interface over it, as a user starts it, and what may be killed of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.location import Server, free_port
from pipelines.settings import ROOT

WAITS_SECONDS = 600
SENSORS = ("new_bars", "catch_up")
START = """mutation {{ startSensor(sensorSelector: {{ repositoryName: "__repository__",
    repositoryLocationName: "pipelines.definitions", sensorName: "{name}" }}) {{ __typename }} }}"""
LOOK = """{ sensorOrError(sensorSelector: { repositoryName: "__repository__",
    repositoryLocationName: "pipelines.definitions", sensorName: "catch_up" })
    { ... on Sensor { sensorState { ticks(limit: 1) { timestamp skipReason } } } } }"""
RESTS = ("everything is up to date", "could not make them")
"""How the sensor's reason ends where there is nothing left to do."""
ACTIVE, AT_WORK = "QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING", "STARTED"
PROCESSES = {
    "webserver": "dagster-webserver",
    "daemon": "dagster-daemon",
    "mlflow": "mlflow server",
    "run": "spawn_main",
}
"""What stands in the command line of each."""


@dataclass
class Office:
    """A home, the processes of the user interface over it, and what is asked of them."""

    home: Path
    delivery: Path
    experiments: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("KINDLING_", "MLFLOW_TR"))}
        return {
            **own,
            "KINDLING_MARKET": f"files:{self.delivery}",
            "KINDLING_HOME": str(self.home),
            "KINDLING_EXPERIMENTS": str(self.experiments),
            "KINDLING_DAGSTER_PORT": str(self.port),
            "KINDLING_MLFLOW_PORT": str(free_port()),
            "PYTHONWARNINGS": "ignore",
        }

    @property
    def market(self) -> Path:
        """The folder of the one market."""
        return next(path for path in self.home.iterdir() if (path / "dagster").is_dir())

    def bring_up_to_date(self) -> None:
        """As `make demo` does; raises RuntimeError where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.demo"], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

    def start(self) -> None:
        """The user interface, with both sensors switched on."""
        log = (self.home / "ui.log").open("ab")
        line = [sys.executable, "-m", "pipelines.ui"]
        self.process = subprocess.Popen(line, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self.server.wait(self.process)
        for name in SENSORS:
            self.server.ask(START.format(name=name))

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()

    def kill(self, target: str) -> None:
        """Kill one of its processes while a run is at work, and start what ended with it."""
        if self.process is None:
            raise RuntimeError("nothing was started")
        deadline = time.monotonic() + WAITS_SECONDS
        while not (found := below(self.process.pid, PROCESSES[target])) or not self.active(AT_WORK):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {target} to kill within {WAITS_SECONDS} s")
            time.sleep(0.1)
        for process in found:
            os.kill(process, signal.SIGKILL)
        if target != "run":
            self.process.wait()
            self.start()

    def active(self, statuses: str = ACTIVE) -> bool:
        """Whether there are runs in some status."""
        query = f"{{ runsOrError(filter: {{ statuses: [{statuses}] }}) {{ ... on Runs {{ results {{ runId }} }} }} }}"
        return bool(self.server.ask(query)["runsOrError"]["results"])

    def rests(self, since: float) -> bool:
        """Whether the sensor has looked since some time (seconds of the epoch) and found nothing to do."""
        ticks: Any = self.server.ask(LOOK)["sensorOrError"]["sensorState"]
        return any(tick["timestamp"] > since and (tick["skipReason"] or "").endswith(RESTS) for tick in ticks["ticks"])

    @property
    def server(self) -> Server:
        """Its webserver."""
        return Server(self.port)

    def lists(self) -> list[str]:
        """The sessions whose list went out."""
        return sorted(path.name[:10] for path in (self.market / "lists").glob("*_*_sessions.parquet"))


def below(process: int, text: str) -> list[int]:
    """The processes that a process has started, or those have, in whose command line a text stands."""
    # Twice w: as wide as it is, whatever width a terminal is said to have.
    lines = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    every = [line.split(maxsplit=2) for line in lines.splitlines()]
    known = {process}
    while more := {int(own) for own, parent, _ in every if int(parent) in known} - known:
        known |= more
    return [int(own) for own, _, line in every if int(own) in known - {process} and text in line]
