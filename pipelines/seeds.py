"""Seeds: the fits of one fold, beside each other in as many processes as cores and memory allow."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from assets.training.fit import needed
from assets.training.journal import EpochRecord, Fitted
from assets.training.memory import Memory, available
from assets.training.panel import Panel
from models.network import NetworkSpec
from pipelines.checkpoint import Checkpoint
from pipelines.experiment import Experiment
from pipelines.fold_path import fit_panel

CORES = "KINDLING_CORES"
OF_A_PROCESS = 1 << 30
"""Bytes that a process takes beside its fit: torch, and its context on a graphics processor."""
USED = 0.4
"""Share of the memory that the fits of a fold may take: two runs may go at once (dagster.yaml)."""

Listener = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class Plan:
    """How many fits run at once, and the memory that one of them needs; None where a model needs little."""

    at_once: int
    memory: Memory | None = None

    def __str__(self) -> str:
        text = f"{self.at_once} at once"
        return text if self.memory is None else f"{text}; a fit needs about {self.memory}"


def plan(experiment: Experiment, panel: Panel, seeds: int) -> Plan:
    """As many fits at once as there are seeds, cores and memory for them.

    A team has all of the machine for itself, and so has a fit on as many threads as torch finds.
    """
    model, training = experiment.model, experiment.training
    if not isinstance(model, NetworkSpec):
        return Plan(1)
    memory = needed(panel, model, experiment.loss, training, experiment.projection)
    is_alone = training.processes > 1 or training.threads is None
    by_cores = cores() // (training.threads or 1)
    return Plan(1 if is_alone else max(1, min(seeds, by_cores, fits_in_memory(memory))), memory)


def fits_in_memory(memory: Memory) -> int:
    """Fits that the machine holds beside each other, and its graphics processors where there are any."""
    share = USED * cores() / (os.cpu_count() or 1)
    each = memory.whole + OF_A_PROCESS
    held = int(share * available(torch.device("cpu")) / each)
    if count := torch.cuda.device_count():
        least = min(available(torch.device("cuda", number)) for number in range(count))
        held = min(held, count * int(share * least / each))
    return held


def cores() -> int:
    """Cores that this process may use: all, or as many as KINDLING_CORES says."""
    return int(os.environ.get(CORES) or os.cpu_count() or 1)


def fits(
    experiment: Experiment,
    panel: Panel,
    seeds: Sequence[int],
    at_once: int,
    begin: Callable[[int], Listener],
    keeper: Callable[[int], Checkpoint],
    folder: Path,
) -> Generator[tuple[int, Fitted]]:
    """Each seed and its fit, as they end; how many run at once changes no bit of them.

    begin   called when the fit of a seed begins, by any thread; gives what is told after every epoch
    keeper  of a seed
    folder  where the panel is laid out for other processes
    raises  the first error of any fit, after the others were stopped; closing the iterator stops them too
    """
    if at_once == 1 and experiment.training.processes == 1:
        yield from ((seed, fit_panel(experiment, panel, seed, begin(seed), keeper(seed))) for seed in seeds)
        return
    # Imported late: only those that are not alone need what talks between processes.
    from pipelines.together import Beside, laid_out

    e = experiment
    with laid_out(panel, folder), Beside(at_once, max(torch.cuda.device_count(), 1)) as beside:

        def fitted(seed: int) -> tuple[int, Fitted] | None:
            settings = (folder, e.model, e.loss, e.training, seed, begin, e.projection, keeper(seed))
            found = beside.fit(*settings)
            return None if found is None else (seed, found)

        for done in as_completed([beside.pool.submit(fitted, seed) for seed in seeds]):
            if found := done.result():
                yield found
