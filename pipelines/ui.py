"""UI: the Dagster webserver, its daemon and the MLflow UI on loopback, ended together by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pipelines.home import prepare_home
from pipelines.settings import ROOT, Settings, read_settings

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 8.0
CANNOT_START = 2


def commands(settings: Settings, dagster_port: int, mlflow_port: int) -> dict[str, list[str]]:
    """The three processes by name."""
    workspace = ["-w", str(ROOT / "workspace.yaml")]
    binaries = Path(sys.executable).parent
    mlflow = [str(binaries / "mlflow"), "server", "--backend-store-uri", settings.tracking_uri]
    return {
        "webserver": [str(binaries / "dagster-webserver"), *workspace, "-h", LOOPBACK, "-p", str(dagster_port)],
        "daemon": [str(binaries / "dagster-daemon"), "run", *workspace],
        "mlflow": [
            *mlflow,
            "--artifacts-destination",
            str(settings.artifacts),
            "--host",
            LOOPBACK,
            "--port",
            str(mlflow_port),
            "--workers",
            "1",
        ],
    }


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
    """Start all three, wait for Ctrl-C or for one of them to end, stop all; 0 after Ctrl-C, 2 for unusable settings."""
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
    try:
        processes = {name: start(line) for name, line in commands(settings, dagster_port, mlflow_port).items()}
        print(
            f"Dagster  http://{LOOPBACK}:{dagster_port}\nMLflow   http://{LOOPBACK}:{mlflow_port}\nCtrl-C stops both."
        )
        while True:
            ended = [name for name, process in processes.items() if process.poll() is not None]
            if ended:
                print(f"{', '.join(ended)} ended by itself; stopping the rest", file=sys.stderr)
                return 1
            time.sleep(0.5)
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
