"""Fit: one loop for every network, closed forms for the rest; a panel goes in, a fitted forecaster comes out."""
# S securities, T sessions, F features, B batch: sequences of the same sessions, L sessions of a sequence

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from assets.training.journal import EpochRecord, Fitted, Journal
from assets.training.panel import TRAIN, VALID, Panel
from models import ModelSpec
from models.augmentation import AugmentationSpec, Batch
from models.losses import LossSpec
from models.network import Network, NetworkSpec, device, on_threads
from models.projection import Projection, ProjectionSpec, fit_projection
from models.ranking import RankIc
from models.scaling import fit_scaler
from models.served import Forecaster, Projected
from models.windows import Cells, TableLayout, windows

SCORED_AT_ONCE = 512
SESSIONS_LOOKED_AT = 30
"""Sessions of train on which the finished model is scored."""
LARGEST_GRADIENT = 1.0
NO_PROJECTION: Mapping[str, ProjectionSpec] = MappingProxyType({})


class TrainingSpec(BaseModel):
    """How a model is trained; all but `seeds` and `threads` concern networks only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: int = Field(default=3, ge=1, description="fits of each fold, with seeds 0, 1, 2, ...")
    max_epochs: int = Field(default=12, ge=1)
    patience: int = Field(default=4, ge=1, description="epochs without a better validation RankIC before it stops")
    learning_rate: float = Field(default=5e-3, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    weight_averaging: float = Field(
        default=0.98, ge=0, lt=1, description="share of the mean of the weights kept a step"
    )
    batch_size: int = Field(default=100, ge=1, description="sequences a step, all of the same sessions")
    burn_in: int = Field(
        default=30, ge=0, description="sessions read before the first one that a sequence is scored on"
    )
    span: int = Field(default=30, ge=1, description="sessions of a sequence that have a loss")
    augmentation: tuple[AugmentationSpec, ...] = Field(
        default=(), description="how each train batch is made another one, in this order"
    )
    threads: int | None = Field(
        default=1,
        ge=1,
        description="null for as many as torch finds; threads that share cores with other work are slow",
    )


def fit(
    panel: Panel,
    model: ModelSpec,
    loss: LossSpec,
    training: TrainingSpec,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    projection: Mapping[str, ProjectionSpec] = NO_PROJECTION,
) -> Fitted:
    """Fit on the train cells, stop on the valid cells; nothing of the test window is read.

    projection  groups that the model sees through components of their columns, fitted on the train cells alone
    seed      fixes start, order and dropout: on a processor the same seed and threads give the same bits
    on_epoch  told after every epoch
    raises    ValueError for a loss that the model cannot minimise, a segment without labels, a loss that diverges
    """
    if loss.kind not in model.losses:
        raise ValueError(f"model '{model.kind}' cannot minimise the loss '{loss.kind}'; it can: {list(model.losses)}")
    journal = Journal(on_epoch)
    with _reproducible(seed, training.threads) as threads:
        forecaster: Forecaster
        learnt: Projection | None = None
        if projection:
            learnt = fit_projection(_cells(panel, TRAIN, "train"), panel.columns, panel.groups, projection)
            panel = _behind(learnt, panel)
        if isinstance(model, NetworkSpec):
            forecaster = _fit_network(panel, model, loss, training, journal)
        else:
            layout = TableLayout(panel.columns, panel.sequence_columns, model.look_back, panel.groups)
            train, valid = _cells(panel, TRAIN, "train"), _cells(panel, VALID, "valid")
            forecaster = model.fit(train, valid, layout, seed, threads, journal)
    score = _rank_ic_on(panel, _cells(panel, TRAIN, "train"), forecaster)
    if learnt is not None:
        forecaster = Projected(learnt, forecaster)
    return Fitted(forecaster, tuple(journal.records), threads, score)


def _rank_ic_on(panel: Panel, cells: Cells, forecaster: Forecaster) -> float:
    """RankIC of the plain windows of some sessions, evenly spaced among those of the cells."""
    sessions = np.unique(cells.sessions_B)
    chosen = sessions[:: -(-len(sessions) // SESSIONS_LOOKED_AT)]
    some = cells.where(np.isin(cells.sessions_B, chosen))
    x_BLF = windows(panel.x_STF, some.securities_B, some.sessions_B, forecaster.spec.look_back)
    return RankIc(some.target_B, some.sessions_B)(forecaster.predict(x_BLF))


def _behind(projection: Projection, panel: Panel) -> Panel:
    """The panel with the columns that come out of a projection."""
    owner = dict(zip(panel.columns, panel.groups, strict=True))
    owner |= {name: part.group for part in projection.parts for name in part.names}
    groups = tuple(owner[name] for name in projection.names)
    return replace(panel, columns=projection.names, groups=groups, x_STF=projection(panel.x_STF))


@contextmanager
def _reproducible(seed: int, threads: int | None) -> Iterator[int]:
    """Random numbers from `seed`, deterministic algorithms, a fixed number of threads; all put back at the end."""
    # Read by CUDA's matrix products when they first run; without it they may add in another order each time.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    strict_before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with on_threads(threads or torch.get_num_threads()), torch.random.fork_rng():
            torch.manual_seed(seed)
            yield torch.get_num_threads()
    finally:
        torch.use_deterministic_algorithms(strict_before)


def _cells(panel: Panel, segment: int, name: str) -> Cells:
    sessions, rows = np.nonzero(panel.labelled(segment).T)
    if not len(rows):
        members = int((panel.member_ST & (panel.segment_ST == segment)).sum())
        raise ValueError(
            f"no labelled member in the {name} segment ({members} member cells, none with a label); lengthen the "
            f"{name} window or widen the universe"
        )
    return Cells(panel.x_STF, rows, sessions, panel.target_ST[rows, sessions])


def _fit_network(panel: Panel, model: NetworkSpec, loss: LossSpec, training: TrainingSpec, journal: Journal) -> Network:
    """The loop: an epoch of steps, a look at the validation window, until that no longer gets better."""
    train, valid = _cells(panel, TRAIN, "train"), _cells(panel, VALID, "valid")
    scaler = fit_scaler(panel.x_STF[train.securities_B, train.sessions_B])
    place = device()
    z_STF = torch.from_numpy(scaler(panel.x_STF)).to(place)
    target_ST = torch.from_numpy(np.where(panel.labelled(TRAIN), panel.target_ST, np.nan)).to(place)
    network = model.network(len(panel.columns)).to(place)
    mean = copy.deepcopy(network)
    optimiser = _optimiser(network, training)
    other = _augmenting(training, panel)
    rank_ic = RankIc(valid.target_B, valid.sessions_B)
    best, best_epoch, best_weights = -np.inf, 0, copy.deepcopy(mean.state_dict())
    for epoch in range(1, training.max_epochs + 1):
        network.train()
        losses, norms = [], []
        for x_BLF, target_BL in map(other, _batches(z_STF, target_ST, training)):
            with _autocast(place, model.precision):
                forecast_BL = network(x_BLF)[:, -target_BL.shape[1] :]
            error = loss(forecast_BL.float(), target_BL, target_BL.isfinite())
            norms.append(_step(optimiser, error, network, mean, training.weight_averaging))
            losses.append(error.detach())
        score = rank_ic(_dense_forecast(mean, z_STF, valid, training.burn_in))
        journal(epoch, _mean_loss(losses, epoch), score, float(torch.stack(norms).mean()))
        if score > best:
            best, best_epoch, best_weights = score, epoch, copy.deepcopy(mean.state_dict())
        elif epoch - best_epoch >= training.patience:
            break
    mean.load_state_dict(best_weights)
    return Network(model, panel.columns, scaler, mean.eval())


def _optimiser(network: nn.Module, training: TrainingSpec) -> torch.optim.Optimizer:
    """AdamW that lets matrices decay but not biases: those hold how long a network remembers."""
    matrices = [weights for weights in network.parameters() if weights.ndim > 1]
    biases = [weights for weights in network.parameters() if weights.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": training.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=training.learning_rate)


def _step(optimiser: torch.optim.Optimizer, error: Tensor, network: nn.Module, mean: nn.Module, kept: float) -> Tensor:
    """One step down the gradient; the running mean of the weights, which is what forecasts, follows.

    returns  norm of the gradient before it was clipped
    """
    optimiser.zero_grad()
    error.backward()  # type: ignore[no-untyped-call]
    norm: Tensor = nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
    optimiser.step()
    with torch.no_grad():
        for average, current in zip(mean.parameters(), network.parameters(), strict=True):
            average.lerp_(current, 1 - kept)
    return norm.detach()


def _batches(z_STF: Tensor, target_ST: Tensor, training: TrainingSpec) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: every train session once, in tiles of `span` sessions with a random phase, batches in random order.

    Yields the scaled features [B, burn-in + span, F] and the targets [B, span], NaN where there is no label; the
    features reach further back where an augmentation asks for older sessions. The edges of the panel and of the train
    segment shorten a sequence. A batch is of one tile: its names can be compared.
    """
    before = training.burn_in + sum(how.older(training.burn_in + training.span) for how in training.augmentation)
    labelled_T = target_ST.isfinite().any(0).nonzero().flatten()
    first, last = int(labelled_T[0]), int(labelled_T[-1])
    phase = int(torch.randint(training.span, (1,)))
    batches: list[tuple[int, Tensor]] = []
    for start in range(first - phase, last + 1, training.span):
        tile_ST = target_ST[:, max(start, 0) : start + training.span]
        rows = tile_ST.isfinite().any(1).nonzero().flatten().cpu()
        shuffled = rows[torch.randperm(len(rows))]
        batches += [(start, part) for part in shuffled.tensor_split(-(-len(rows) // training.batch_size))]
    for place in torch.randperm(len(batches)).tolist():
        start, rows = batches[place]
        stop = min(start + training.span, last + 1)
        rows = rows.to(z_STF.device)
        yield z_STF[rows, max(start - before, 0) : stop], target_ST[rows, max(start, 0) : stop]


def _augmenting(training: TrainingSpec, panel: Panel) -> Callable[[Batch], Batch]:
    """What makes another version of a batch, cut to the sessions that the network reads."""
    steps = [how.bound(panel.columns, panel.groups) for how in training.augmentation]

    def other(batch: Batch) -> Batch:
        x_BLF, target_BL = functools.reduce(lambda made, step: step(*made), steps, batch)
        return x_BLF[:, -(training.burn_in + target_BL.shape[1]) :], target_BL

    return other


@torch.inference_mode()
def _dense_forecast(module: nn.Module, z_STF: Tensor, cells: Cells, burn_in: int) -> np.ndarray:
    """Forecasts of cells from one pass over their span, the state carried through it, after a burn-in."""
    module.eval()
    first = max(int(cells.sessions_B[0]) - burn_in, 0)
    span_STF = z_STF[:, first : int(cells.sessions_B[-1]) + 1]
    y_ST = torch.cat([module(part) for part in torch.split(span_STF, SCORED_AT_ONCE)]).cpu().numpy()
    forecast_B: np.ndarray = y_ST[cells.securities_B, cells.sessions_B - first]
    return forecast_B


def _autocast(place: torch.device, precision: str) -> torch.autocast:
    """bf16 matrix products where asked for and where they are fast: not on a processor without AVX-512."""
    fast = place.type == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast(place.type, dtype=torch.bfloat16, enabled=precision == "bf16" and fast)


def _mean_loss(losses: list[Tensor], epoch: int) -> float:
    mean = float(torch.stack(losses).mean())
    if not np.isfinite(mean):
        raise ValueError(f"training loss is {mean} in epoch {epoch}: it diverged; lower training.learning_rate")
    return mean
