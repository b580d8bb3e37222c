"""Location: how long does the code location take to load with 30 experiments, and the lineage to be asked for?

A webserver is started over the embedded market with ten variants of each experiment of the project. The location is
loaded as the button `Reload` of the UI has it loaded: a new process imports everything and builds the graph. Then the
lineage is asked for whole, with what the UI shows of each asset. Of each the median of five is judged, on a machine
that does nothing else.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from assets.sources.yaml_settings import read_mapping
from benchmarks.outcome import Demand, end
from pipelines.home import be_quiet, prepare_home
from pipelines.settings import EXPERIMENTS, ROOT, Settings, read_settings
from pipelines.ui import LOOPBACK, await_code, commands, start, stop

VARIANTS, REPEATS = 10, 5
STARTS_WITHIN_SECONDS = 180
DEMANDS = (
    Demand("load_seconds", 8, at_least=False),
    Demand("graph_seconds", 1, at_least=False),
    Demand("experiments", 30, at_least=True),
)
LOCATION = "pipelines.definitions"
RELOAD = f"""mutation {{ reloadRepositoryLocation(repositoryLocationName: "{LOCATION}") {{ __typename
    ... on WorkspaceLocationEntry {{ locationOrLoadError {{ __typename ... on PythonError {{ message }} }} }} }} }}"""
GRAPH = """{ assetNodes { id groupName isPartitioned isObservable isMaterializable isExecutable jobNames opNames
    opVersion
    description computeKind kinds hasMaterializePermission hasAssetChecks assetKey { path }
    dependencyKeys { path } dependedByKeys { path } tags { key value }
    owners { ... on UserAssetOwner { email } ... on TeamAssetOwner { team } }
    partitionDefinition { name type description } automationCondition { label }
    repository { id name location { id name } } } }"""


@dataclass(frozen=True)
class Server:
    """A running webserver."""

    port: int

    def ask(self, query: str) -> dict[str, dict[str, object]]:
        """Answer of its GraphQL; raises RuntimeError for an answer that is an error."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(
            f"http://{LOOPBACK}:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=STARTS_WITHIN_SECONDS) as answer:
            found = json.load(answer)
        if "errors" in found:
            raise RuntimeError(str(found["errors"])[:500])
        data: dict[str, dict[str, object]] = found["data"]
        return data

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Return once it answers; raises TimeoutError where it does not, or its process ended."""
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"):
                    return
            except OSError:
                time.sleep(0.5)
        raise TimeoutError(f"the webserver did not answer within {STARTS_WITHIN_SECONDS} s, or ended")


def main() -> int:
    """Measure both, and say what was reached."""
    be_quiet()
    # As on a user's machine, a module is compiled once and not in every process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        experiments = many(Path(folder) / "experiments")
        os.environ |= {"KINDLING_HOME": folder, "KINDLING_EXPERIMENTS": str(experiments)}
        with served(read_settings()) as server:
            loads = [timed(lambda: reloaded(server)) for _ in range(REPEATS)]
            graphs = [timed(lambda: server.ask(GRAPH)) for _ in range(REPEATS)]
            nodes = list(server.ask(GRAPH)["assetNodes"])
        print(f"loads: {_told(loads)}\nlineage of {len(nodes)} assets: {_told(graphs)}")
    figures = {
        "load_seconds": round(statistics.median(loads), 2),
        "graph_seconds": round(statistics.median(graphs), 3),
        "experiments": len(list(EXPERIMENTS.glob("*.yaml"))) * VARIANTS,
        "assets": len(nodes),
    }
    return end(figures, DEMANDS)


def many(folder: Path) -> Path:
    """Variants of every experiment of the project, which differ in their name and in how many seeds they ask for."""
    folder.mkdir()
    for path in EXPERIMENTS.glob("*.yaml"):
        settings = read_mapping(path, "YAML")
        base = f"{settings['base']}_0" if "base" in settings else None
        for number in range(VARIANTS):
            own = {**settings, "training": {"seeds": number + 1}, **({"base": base} if base else {})}
            (folder / f"{path.stem}_{number}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    return folder


@contextmanager
def served(settings: Settings) -> Iterator[Server]:
    """A webserver over the settings, once it has loaded the location."""
    prepare_home(settings)
    server = Server(free_port())
    with tempfile.TemporaryDirectory() as folder:
        lines = commands(settings, server.port, 0, Path(folder))
        processes = [start(lines["code"])]
        try:
            await_code(processes[0], Path(folder))
            processes.append(start(lines["webserver"]))
            server.wait(processes[-1])
            yield server
        finally:
            stop(processes)


def reloaded(server: Server) -> None:
    """Load the location anew; raises RuntimeError where it cannot be loaded."""
    found = server.ask(RELOAD)["reloadRepositoryLocation"]
    loaded = found.get("locationOrLoadError")
    if not isinstance(loaded, dict) or loaded["__typename"] != "RepositoryLocation":
        raise RuntimeError(f"the location was not loaded: {found}")


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _told(seconds: list[float]) -> str:
    return " ".join(f"{one:.2f}" for one in seconds) + " s"


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.chdir(ROOT)
    sys.exit(main())
