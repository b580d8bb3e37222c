"""Seeds: the fits of one fold, beside each other in as many processes as cores and memory allow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from assets.training.fit import needed
from assets.training.journal import EpochRecord, Fitted
from assets.training.memory import Memory, available
from assets.training.panel import Panel
from models.network import NetworkSpec, device
from pipelines.checkpoint import Checkpoint
from pipelines.experiment import Experiment
from pipelines.fold_path import fit_panel

OF_A_PROCESS = 1 << 30
"""Bytes that a process takes beside its fit: torch, and its context on a graphics processor."""
USED = 0.8
"""Share of what is there that the fits of a fold may take; the rest is for what the estimate does not know."""


@dataclass(frozen=True)
class Plan:
    """How many fits run at once, and the memory that one of them needs; None where a model needs little."""

    at_once: int
    memory: Memory | None = None

    def __str__(self) -> str:
        text = f"{self.at_once} at once"
        return text if self.memory is None else f"{text}; a fit needs about {self.memory}"


def plan(experiment: Experiment, panel: Panel, seeds: int) -> Plan:
    """As many fits at once as there are seeds, cores and memory for them; a team has all of the machine for itself."""
    model, training = experiment.model, experiment.training
    if not isinstance(model, NetworkSpec):
        return Plan(1)
    memory, place = needed(panel, model, experiment.loss, training), device()
    processors = max(torch.cuda.device_count(), 1)
    fit_in = int(USED * available(place) / (memory.whole + OF_A_PROCESS)) * processors
    is_alone = training.processes > 1 or training.threads is None
    return Plan(1 if is_alone else max(1, min(seeds, cores() // (training.threads or 1), fit_in)), memory)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fits(
    experiment: Experiment,
    panel: Panel,
    listeners: Mapping[int, Callable[[EpochRecord], None]],
    keepers: Mapping[int, Checkpoint],
    at_once: int,
) -> Iterator[Fitted]:
    """The fits of a fold in the order of their seeds; how many run at once changes no bit of them.

    listeners  of each seed, told after every epoch
    keepers    of each seed
    """
    if at_once == 1:
        yield from (fit_panel(experiment, panel, seed, told, keepers[seed]) for seed, told in listeners.items())
        return
    # Imported late: only those that are not alone need what talks between processes.
    from pipelines.together import fit_elsewhere, laid_out

    model, loss, training, projection = experiment.model, experiment.loss, experiment.training, experiment.projection
    with laid_out(panel) as folder, ThreadPoolExecutor(at_once) as pool:
        asked = [
            pool.submit(
                fit_elsewhere,
                *(folder, model, loss, training, seed, told, projection, keepers[seed]),
                place=number % max(torch.cuda.device_count(), 1),
            )
            for number, (seed, told) in enumerate(listeners.items())
        ]
        yield from (one.result() for one in asked)
