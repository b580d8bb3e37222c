"""Together: fits by other processes of this machine, one by a team of them, or several beside each other.

A team is started by torchrun, each of it with a graphics processor of its own where there is one. The panel and the
settings go to a fit through folders, the model comes back through one. A fit that is killed goes on from its
checkpoint, as one in this process does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Literal, Self

import numpy as np
import torch
import torch.distributed as dist
from pydantic import BaseModel, ConfigDict
from torch.distributed.elastic.multiprocessing.errors import record

from assets.training.fit import fit
from assets.training.journal import EpochRecord, Fitted
from assets.training.loop import Keeper, State
from assets.training.panel import Panel
from assets.training.spec import TrainingSpec
from assets.training.team import Team
from assets.wide import Grid
from models import ModelSpec
from models.losses import LossSpec
from models.projection import ProjectionSpec
from models.served import load
from pipelines.checkpoint import Checkpoint

ARRAYS = ("x_STF", "label_ST", "target_ST", "member_ST", "segment_ST")
LAST_WORDS = 20

Process = subprocess.Popen[str]


class Names(BaseModel):
    """What the places of a panel's arrays stand for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: tuple[date, ...]
    securities: tuple[str, ...]
    columns: tuple[str, ...]
    sequence_columns: tuple[str, ...]
    groups: tuple[str, ...]


class Job(BaseModel):
    """What is to be fitted.

    panel      the folder that the panel lies in
    of         digest of the checkpoint
    processor  number of the graphics processor of a fit by one process
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    panel: Path
    model: ModelSpec
    loss: LossSpec
    training: TrainingSpec
    projection: dict[str, ProjectionSpec]
    seed: int
    checkpoint: Path | None
    of: str
    processor: int


@contextmanager
def laid_out(panel: Panel, folder: Path) -> Iterator[None]:
    """The panel in a folder for any number of processes; what a killed one left there is cleared first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = Names(
        sessions=panel.grid.sessions,
        securities=panel.grid.securities,
        columns=panel.columns,
        sequence_columns=panel.sequence_columns,
        groups=panel.groups,
    )
    try:
        (folder / "names.json").write_text(names.model_dump_json(), encoding="utf-8")
        for array in ARRAYS:
            np.save(folder / f"{array}.npy", getattr(panel, array))
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_panel(folder: Path) -> Panel:
    """The panel that `laid_out` wrote."""
    names = Names.model_validate_json((folder / "names.json").read_text(encoding="utf-8"))
    # The features are most of it: processes that only read them share the pages.
    modes: dict[str, Literal["r"]] = {"x_STF": "r"}
    arrays = {array: np.load(folder / f"{array}.npy", mmap_mode=modes.get(array)) for array in ARRAYS}
    grid = Grid(names.sessions, names.securities)
    return Panel(grid, names.columns, names.sequence_columns, names.groups, **arrays)


def fit_elsewhere(
    panel: Path,
    model: ModelSpec,
    loss: LossSpec,
    training: TrainingSpec,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    projection: Mapping[str, ProjectionSpec],
    keeper: Checkpoint | None = None,
    processor: int = 0,
    on_start: Callable[[Process], None] = lambda _: None,
) -> Fitted:
    """As `fit`, by `training.processes` other processes; raises RuntimeError with their last words where they fail.

    panel      the folder that it lies in
    processor  number of the graphics processor that one process uses; a team uses one each
    on_start   given the process, which ends with all of its team when its input is closed, as it is when this one dies
    """
    job = Job(
        panel=panel,
        model=model,
        loss=loss,
        training=training,
        projection=dict(projection),
        seed=seed,
        checkpoint=keeper.path if keeper else None,
        of=keeper.of if keeper else "",
        processor=processor,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        _run(folder, training.processes, on_epoch, on_start)
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        history = tuple(EpochRecord(**epoch) for epoch in told["history"])
        return Fitted(load(folder / "model"), history, told["threads"], told["train_rank_ic"], training.stop_by)


class Beside:
    """Fits by processes beside each other, in threads that wait for them; leaving ends all that still run."""

    def __init__(self, at_once: int, processors: int) -> None:
        self.pool = ThreadPoolExecutor(at_once)
        self._running: list[Process] = []
        self._stopped = threading.Event()
        self._free = SimpleQueue[int]()
        for number in range(at_once):
            self._free.put(number % processors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # In this order: who starts from now on sees that all is over, who started before is ended.
        self._stopped.set()
        for process in self._running:
            end(process)
        self.pool.shutdown(wait=True, cancel_futures=True)

    def fit(
        self,
        panel: Path,
        model: ModelSpec,
        loss: LossSpec,
        training: TrainingSpec,
        seed: int,
        begin: Callable[[int], Callable[[EpochRecord], None]],
        projection: Mapping[str, ProjectionSpec],
        keeper: Checkpoint,
    ) -> Fitted | None:
        """As `fit_elsewhere`, on a processor that is free; None where another one has failed before it began.

        begin  called when it begins; gives what is told after every epoch
        """
        if self._stopped.is_set():
            return None
        processor = self._free.get()
        try:
            told = begin(seed)
            return fit_elsewhere(panel, model, loss, training, seed, told, projection, keeper, processor, self._started)
        except BaseException:
            self._stopped.set()
            raise
        finally:
            self._free.put(processor)

    def _started(self, process: Process) -> None:
        self._running.append(process)
        if self._stopped.is_set():
            end(process)


def end(process: Process) -> None:
    """End a process and all of its team: it ends when its input is closed, also where it was born deaf to signals.

    Whoever is started from the background may ignore an interrupt, Dagster treats SIGTERM alike, and children inherit.
    """
    with suppress(OSError):
        if process.stdin:
            process.stdin.close()
    process.terminate()


def _run(
    folder: Path, processes: int, on_epoch: Callable[[EpochRecord], None], on_start: Callable[[Process], None]
) -> None:
    team = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "--module"]
    command = [sys.executable, "-m", *(team if processes > 1 else []), "pipelines.together", str(folder)]
    root = str(Path(__file__).resolve().parents[1])
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        on_start(process)
        others = []
        for line in _lines(process.stdout):
            if line.startswith("{"):
                on_epoch(EpochRecord(**json.loads(line)))
            else:
                others.append(line)
    if process.returncode:
        who = f"{processes} processes could not fit together" if processes > 1 else "another process could not fit"
        raise RuntimeError(f"{who}:\n" + "\n".join(others[-LAST_WORDS:]))


def _lines(said: IO[str] | None) -> Iterator[str]:
    return (line.rstrip() for line in said or ())


class Reader:
    """The keeper of a process that keeps nothing itself: it goes on where the first of the team does."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def load(self) -> State | None:
        """The state that was kept last."""
        return self.keeper.load()

    def save(self, state: State) -> None:
        """Leave that to the first."""


def take_part(job: Job, folder: Path, team: Team) -> None:
    """Fit as one of a team; the first of it tells of epochs and saves what was fitted."""
    is_first = team.rank == 0
    kept = Checkpoint(job.checkpoint, job.of) if job.checkpoint else None
    keeper: Keeper | None = kept if is_first or kept is None else Reader(kept)

    def tell(epoch: EpochRecord) -> None:
        if is_first:
            print(json.dumps(asdict(epoch)), flush=True)

    panel = read_panel(job.panel)
    fitted = fit(panel, job.model, job.loss, job.training, job.seed, tell, job.projection, keeper)
    if is_first:
        fitted.forecaster.save(folder / "model")
        told = {"history": [asdict(epoch) for epoch in fitted.history], "threads": fitted.threads}
        text = json.dumps({**told, "train_rank_ic": fitted.train_rank_ic})
        (folder / "told.json").write_text(text, encoding="utf-8")


def end_with_parent() -> None:
    """End at once when the input is closed: nobody is there any more to take what is fitted."""
    # Unbuffered: a thread that held a buffer would stand in the way of an orderly end.
    while os.read(0, 1):
        pass
    os._exit(1)


@record
def main() -> None:
    """Fit what the folder asks for, as one of the team that torchrun has started where it has."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    folder = Path(sys.argv[1])
    job = Job.model_validate_json((folder / "job.json").read_text(encoding="utf-8"))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", job.processor)))
    if job.training.processes == 1:
        take_part(job, folder, Team())
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        take_part(job, folder, Team.here())
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
