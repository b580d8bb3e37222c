"""Scratch: a copy of the project on a small market, run and asked as a user would, in processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("assets", "models", "expectations", "pipelines", "benchmarks")
MARKET = {"securities": 60, "sessions": 520, "first": "2014-01-02"}
WALK_FORWARD = {"first_test": "2015-07-01", "train": "12mo", "valid": "3mo", "test": "3mo"}


@dataclass
class Scratch:
    """A project folder with its own market, home and experiments."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / ".kindling" / "market"

    @property
    def environment(self) -> dict[str, str]:
        # MLflow writes the store that a test last used into the environment.
        # Python compiles the copy once, as it does for a user.
        own = ("KINDLING_", "MLFLOW_TR", "PYTHONDONTWRITE")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(own)}
        return {
            **inherited,
            "KINDLING_MARKET": f"synthetic_market:{self.folder / 'market.yaml'}",
            "KINDLING_HOME": str(self.folder / ".kindling"),
            "KINDLING_EXPERIMENTS": str(self.folder / "experiments"),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(self.folder),
            "PYTHONWARNINGS": "ignore",
            "OMP_NUM_THREADS": "1",
        }

    def demo(self) -> subprocess.CompletedProcess[str]:
        """Bring everything up to date, as `make demo` does."""
        return self.run("-m", "pipelines.demo")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A Python process in the project folder."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query on the catalogue."""
        with duckdb.connect(str(self.home / "warehouse" / "catalogue.duckdb"), read_only=True) as connection:
            return connection.sql(sql).fetchall()

    def write_experiment(self, name: str, **changes: object) -> None:
        """An experiment of the scratch market."""
        settings = {
            "question": "Does the small market foretell anything?",
            "features": ["price_window", "price_volume"],
            "target": {"horizon": 5},
            "model": {"kind": "linear"},
            "walk_forward": WALK_FORWARD,
            "trading": {"top_k": 5, "hold_sessions": 5, "capital": 1_000_000},
            **changes,
        }
        (self.folder / "experiments").mkdir(exist_ok=True)
        (self.folder / "experiments" / f"{name}.yaml").write_text(yaml.safe_dump(settings))


def make_scratch(folder: Path) -> Scratch:
    """Copy the project and give it a small market and one experiment."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "market.yaml").write_text(yaml.safe_dump(MARKET))
    scratch = Scratch(folder)
    scratch.write_experiment("ridge_small")
    return scratch


@dataclass
class Served:
    """The user interfaces of a scratch project, started as `make ui` starts them."""

    process: subprocess.Popen[bytes]
    port: int
    mlflow_port: int

    def ask(self, query: str, **variables: object) -> dict[str, object]:
        """Answer of the webserver's GraphQL."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def launch(self, job: str, keys: list[str], tags: dict[str, str]) -> str:
        """Launch some assets of a job; returns the run id."""
        selector = {
            "repositoryName": "__repository__", "repositoryLocationName": "pipelines.definitions", "jobName": job,
            "assetSelection": [{"path": key.split("/")} for key in keys],
        }  # fmt: skip
        parameters = {
            "selector": selector, "mode": "default", "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }  # fmt: skip
        data = self.ask(
            """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
            ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
            ... on RunConfigValidationInvalid { errors { message } } ... on InvalidSubsetError { message } } }""",
            p=parameters,
        )["launchRun"]
        assert data["__typename"] == "LaunchRunSuccess", data
        return str(data["run"]["runId"])

    def switch(self, sensor: str, mutation: str) -> None:
        """Start a sensor as its switch in the UI does, or set it back to stopped."""
        selector = {
            "repositoryName": "__repository__", "repositoryLocationName": "pipelines.definitions", "sensorName": sensor,
        }  # fmt: skip
        found = self.ask(
            f"""mutation($s: SensorSelector!) {{ {mutation}(sensorSelector: $s) {{ __typename
            ... on PythonError {{ message }} }} }}""",
            s=selector,
        )[mutation]
        assert found["__typename"] == "Sensor", found

    def wait(self, run_id: str, seconds: float = 180) -> str:
        """Status of a run once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = self.ask("query($r: ID!) { runOrError(runId: $r) { ... on Run { status } } }", r=run_id)["runOrError"]
            if run["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
                return str(run["status"])
            time.sleep(1)
        raise TimeoutError(f"run {run_id} did not end within {seconds} s")

    def errors(self, run_id: str) -> str:
        """What the failed steps of a run say, and where none has failed, all that is said of the run."""
        logs = self.ask(
            """query($r: ID!) { logsForRun(runId: $r, limit: 1000) { ... on EventConnection { events {
            ... on MessageEvent { message } ... on EngineEvent { error { message causes { message } } }
            ... on ExecutionStepFailureEvent { error { message causes { message } } } } } } }""",
            r=run_id,
        )["logsForRun"]["events"]
        return json.dumps([event["error"] for event in logs if event.get("error")] or logs)

    def reload(self) -> None:
        """Load the code again, as the button in the UI does."""
        self.ask(
            """mutation { reloadRepositoryLocation(repositoryLocationName: "pipelines.definitions") { __typename
            ... on PythonError { message } } }"""
        )


def serve(scratch: Scratch) -> Served:
    """Start the three processes and wait until the code is loaded."""
    ports = [_free_port(), _free_port()]
    environment = {
        **scratch.environment, "KINDLING_DAGSTER_PORT": str(ports[0]), "KINDLING_MLFLOW_PORT": str(ports[1]),
    }  # fmt: skip
    log = (scratch.folder / "ui.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.ui"], cwd=scratch.folder, env=environment, stdout=log, stderr=log
    )
    served = Served(process, *ports)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            found = served.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
            if found["repositoriesOrError"].get("nodes"):
                urllib.request.urlopen(f"http://127.0.0.1:{served.mlflow_port}/", timeout=10).close()
                return served
        except (OSError, AssertionError):
            pass
        time.sleep(0.5)
    process.terminate()
    raise TimeoutError((scratch.folder / "ui.log").read_text()[-4000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
