"""UI: the Dagster webserver, its daemon and the MLflow UI on loopback, ended together by Ctrl-C.

One process loads the code for both the webserver and the daemon. Left to themselves each loads it in a process of
its own, and the daemon does so anew every minute: a run that was asked for in that moment was lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import yaml

from assets.sources import Source
from assets.sources.yaml_settings import read_mapping
from pipelines.home import prepare_home
from pipelines.left_over import end_left_over
from pipelines.settings import ROOT, Settings, read_settings

LOOPBACK = "127.0.0.1"
SOCKET = "code"
GRACE_SECONDS = 8.0
LOOKS_SECONDS = 15.0
LOADS_SECONDS = 180.0
RELOAD = "mutation($n: String!) { reloadRepositoryLocation(repositoryLocationName: $n) { __typename } }"
CANNOT_START = 2


def commands(settings: Settings, dagster_port: int, mlflow_port: int, folder: Path) -> dict[str, list[str]]:
    """The four processes by name; the first loads the code and serves it in the folder to the two of Dagster."""
    module = module_name()
    served = {"grpc_server": {"socket": str(folder / SOCKET), "location_name": module}}
    workspace = folder / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [served]}), encoding="utf-8")
    binaries = Path(sys.executable).parent
    code = [str(binaries / "dagster"), "code-server", "start", "-m", module, "--location-name", module]
    mlflow = [str(binaries / "mlflow"), "server", "--backend-store-uri", settings.tracking_uri, "--workers", "1"]
    return {
        "code": [*code, "-s", str(folder / SOCKET), "--log-level", "warning"],
        "mlflow": [
            *mlflow,
            "--artifacts-destination",
            str(settings.artifacts),
            "--host",
            LOOPBACK,
            "--port",
            str(mlflow_port),
        ],
        "webserver": [
            str(binaries / "dagster-webserver"),
            "-w",
            str(workspace),
            "-h",
            LOOPBACK,
            "-p",
            str(dagster_port),
        ],
        "daemon": [str(binaries / "dagster-daemon"), "run", "-w", str(workspace)],
    }


def module_name() -> str:
    """The module that holds the definitions, and the name of its code location."""
    name: str = read_mapping(ROOT / "workspace.yaml", "YAML")["load_from"][0]["python_module"]["module_name"]
    return name


def partitions_of(source: Source) -> str:
    """What decides which months and folds there are: a new one is seen once the code is loaded again."""
    reached = source.reached()
    return f"{source.first_session()} {source.last_session():%Y-%m} {reached and f'{reached:%Y-%m}'}"


def reload(dagster_port: int) -> None:
    """Load the code again, as the button of the UI does."""
    body = json.dumps({"query": RELOAD, "variables": {"n": module_name()}}).encode()
    asked = urllib.request.Request(
        f"http://{LOOPBACK}:{dagster_port}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=LOADS_SECONDS):  # noqa: S310  our own webserver
        pass


def watch(processes: Mapping[str, subprocess.Popen[bytes]], source: Source, dagster_port: int) -> list[str]:
    """Load the code again when the bars come into a new month; returns the processes that ended by themselves."""
    known, looked = partitions_of(source), time.monotonic()
    while True:
        if ended := [name for name, process in processes.items() if process.poll() is not None]:
            return ended
        time.sleep(0.5)
        if time.monotonic() - looked < LOOKS_SECONDS:
            continue
        looked = time.monotonic()
        # A folder into which somebody is copying may not be readable for a moment.
        with contextlib.suppress(ValueError, OSError):
            if (now := partitions_of(source)) != known:
                reload(dagster_port)
                known = now


def await_code(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Return once the code is loaded, or could not be, which the webserver then shows, or the process has ended."""
    while process.poll() is None and not (folder / SOCKET).exists():
        time.sleep(0.1)


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """A process in a group of its own that can be interrupted, whatever it inherits."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask every group to end, and end what is left after the grace period."""
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(process.poll() is None for process in processes):
        time.sleep(0.1)
    for process in processes:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def main() -> int:
    """Start all, wait for Ctrl-C or for one of them to end, stop all; 0 after Ctrl-C, 2 for unusable settings."""
    try:
        settings = read_settings()
        settings.source.first_session()
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    prepare_home(settings)
    dagster_port = int(os.environ.get("KINDLING_DAGSTER_PORT", "3000"))
    mlflow_port = int(os.environ.get("KINDLING_MLFLOW_PORT", "5000"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name, line in commands(settings, dagster_port, mlflow_port, Path(folder)).items():
                processes[name] = start(line)
                if name == "code":
                    print("Loading the experiments ...", flush=True)
                    with dg.DagsterInstance.get() as instance:
                        end_left_over(instance)
                    await_code(processes[name], Path(folder))
            print(
                f"Dagster  http://{LOOPBACK}:{dagster_port}\nMLflow   http://{LOOPBACK}:{mlflow_port}\n"
                "Ctrl-C stops both."
            )
            ended = watch(processes, settings.source, dagster_port)
            print(f"{', '.join(ended)} ended by itself; stopping the rest", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0
        finally:
            stop(list(processes.values()))


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main())
