"""Together: one fit by several processes of this machine, each with a graphics processor of its own where there is one.

torchrun starts them. The panel and the settings go to them through a folder, the model comes back through it. A fit
that is killed goes on from its checkpoint, as one by a single process does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import IO

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
from assets.wide import Grid
from models import ModelSpec
from models.losses import LossSpec
from models.projection import ProjectionSpec
from models.served import load
from pipelines.checkpoint import Checkpoint

ARRAYS = ("x_STF", "label_ST", "target_ST", "member_ST", "segment_ST")
NAMES = ("columns", "sequence_columns", "groups")
LAST_WORDS = 20


class Job(BaseModel):
    """What is to be fitted; the panel lies beside it as arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelSpec
    loss: LossSpec
    training: TrainingSpec
    projection: dict[str, ProjectionSpec]
    seed: int
    checkpoint: Path | None
    of: str
    sessions: tuple[date, ...]
    securities: tuple[str, ...]
    columns: tuple[str, ...]
    sequence_columns: tuple[str, ...]
    groups: tuple[str, ...]


def fit_together(
    panel: Panel,
    model: ModelSpec,
    loss: LossSpec,
    training: TrainingSpec,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    projection: dict[str, ProjectionSpec],
    keeper: Checkpoint | None = None,
) -> Fitted:
    """As `fit`, by `training.processes` processes; raises RuntimeError with their last words where they fail."""
    job = Job(
        model=model,
        loss=loss,
        training=training,
        projection=projection,
        seed=seed,
        checkpoint=keeper.path if keeper else None,
        of=keeper.of if keeper else "",
        sessions=panel.grid.sessions,
        securities=panel.grid.securities,
        **{name: getattr(panel, name) for name in NAMES},
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        np.savez(folder / "panel.npz", **{array: getattr(panel, array) for array in ARRAYS})
        _run(folder, training.processes, on_epoch)
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        history = tuple(EpochRecord(**epoch) for epoch in told["history"])
        return Fitted(load(folder / "model"), history, told["threads"], told["train_rank_ic"], training.stop_by)


def _run(folder: Path, processes: int, on_epoch: Callable[[EpochRecord], None]) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *launcher, "--module", "pipelines.together", str(folder)]
    root = str(Path(__file__).resolve().parents[1])
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        others = []
        for line in _lines(process.stdout):
            if line.startswith("{"):
                on_epoch(EpochRecord(**json.loads(line)))
            else:
                others.append(line)
    if process.returncode:
        raise RuntimeError(f"{processes} processes could not fit together:\n" + "\n".join(others[-LAST_WORDS:]))


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


def take_part(folder: Path) -> None:
    """Fit as one of the team; the first of it tells of epochs and saves what was fitted."""
    job = Job.model_validate_json((folder / "job.json").read_text(encoding="utf-8"))
    is_first = dist.get_rank() == 0
    kept = Checkpoint(job.checkpoint, job.of) if job.checkpoint else None
    keeper: Keeper | None = kept if is_first or kept is None else Reader(kept)
    with np.load(folder / "panel.npz") as arrays:
        parts = {name: arrays[name] for name in ARRAYS}
    panel = Panel(Grid(job.sessions, job.securities), job.columns, job.sequence_columns, job.groups, **parts)

    def tell(epoch: EpochRecord) -> None:
        if is_first:
            print(json.dumps(asdict(epoch)), flush=True)

    # All must have read the checkpoint before the first one writes another.
    dist.barrier()
    fitted = fit(panel, job.model, job.loss, job.training, job.seed, tell, job.projection, keeper)
    if is_first:
        fitted.forecaster.save(folder / "model")
        told = {"history": [asdict(epoch) for epoch in fitted.history], "threads": fitted.threads}
        text = json.dumps({**told, "train_rank_ic": fitted.train_rank_ic})
        (folder / "told.json").write_text(text, encoding="utf-8")


@record
def main() -> None:
    """Join the team that torchrun has started."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        take_part(Path(sys.argv[1]))
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
