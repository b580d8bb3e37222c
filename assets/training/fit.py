"""Fit: one loop for every network, closed forms for the rest; a panel goes in, a fitted forecaster comes out."""
# S securities, T sessions, F features, B batch: sequences of the same sessions, L sessions of a sequence

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch

from assets.training.journal import EpochRecord, Fitted, Journal
from assets.training.loop import Keeper, Loop, augmenting, batches
from assets.training.memory import Memory, estimate, refuse_too_much
from assets.training.panel import TRAIN, VALID, Panel, asked
from assets.training.spec import TrainingSpec
from assets.training.validation import Validation
from models import ModelSpec
from models.heads import Aim
from models.losses import Loss, LossSpec
from models.network import Network, NetworkSpec, Sequences, Shape, device, on_threads
from models.projection import Projection, ProjectionSpec, columns_behind, fit_projection
from models.ranking import RankIc
from models.scaling import fit_scaler
from models.served import Forecaster, Projected
from models.windows import Cells, TableLayout

SESSIONS_LOOKED_AT = 30
"""Sessions of train on which the finished model is scored."""
NO_PROJECTION: Mapping[str, ProjectionSpec] = MappingProxyType({})


def fit(
    panel: Panel,
    model: ModelSpec,
    loss: LossSpec,
    training: TrainingSpec,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    projection: Mapping[str, ProjectionSpec] = NO_PROJECTION,
    keeper: Keeper | None = None,
) -> Fitted:
    """Fit on the train cells, stop on the valid cells; nothing of the test window is read.

    projection  groups that the model sees through components of their columns, fitted on the train cells alone
    seed      fixes start, order and dropout: on a processor the same seed and threads give the same bits
    on_epoch  told after every epoch
    keeper    keeps the state of a network after every epoch, so that a killed fit ends with the same bits
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
            forecaster = _fit_network(panel, model, loss, training, seed, journal, keeper)
        else:
            layout = _layout(panel, model.look_back)
            train, valid = _cells(panel, TRAIN, "train"), _cells(panel, VALID, "valid")
            forecaster = model.fit(train, valid, layout, seed, threads, journal)
    score = _rank_ic_on(panel, _cells(panel, TRAIN, "train"), forecaster)
    if learnt is not None:
        forecaster = Projected(learnt, forecaster)
    return Fitted(forecaster, tuple(journal.records), threads, score, training.stop_by)


def _layout(panel: Panel, look_back: int) -> TableLayout:
    return TableLayout(panel.columns, panel.sequence_columns, look_back, panel.groups)


def _rank_ic_on(panel: Panel, cells: Cells, forecaster: Forecaster) -> float:
    """RankIC of the plain windows of some sessions, evenly spaced among those of the cells."""
    sessions = np.unique(cells.sessions_B)
    chosen = sessions[:: -(-len(sessions) // SESSIONS_LOOKED_AT)]
    some = cells.where(np.isin(cells.sessions_B, chosen))
    stated = forecaster.predict(asked(panel, some.securities_B, some.sessions_B, forecaster.spec.look_back))
    return RankIc(some.target_B, some.sessions_B)(stated.forecast)


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
    mode_before = torch.get_deterministic_debug_mode()
    # Not `use_deterministic_algorithms`: it loads a compiler that is not used here, which takes longer than many a fit.
    torch.set_deterministic_debug_mode("warn")
    try:
        with on_threads(threads or torch.get_num_threads()), torch.random.fork_rng():
            torch.manual_seed(seed)
            yield torch.get_num_threads()
    finally:
        torch.set_deterministic_debug_mode(mode_before)


def _cells(panel: Panel, segment: int, name: str) -> Cells:
    sessions, rows = np.nonzero(panel.labelled(segment).T)
    if not len(rows):
        members = int((panel.member_ST & (panel.segment_ST == segment)).sum())
        raise ValueError(
            f"no labelled member in the {name} segment ({members} member cells, none with a label); lengthen the "
            f"{name} window or widen the universe"
        )
    return Cells(panel.x_STF, rows, sessions, panel.target_ST[rows, sessions])


def _fit_network(
    panel: Panel,
    model: NetworkSpec,
    loss: Loss,
    training: TrainingSpec,
    seed: int,
    journal: Journal,
    keeper: Keeper | None,
) -> Network:
    """The loop: an epoch of steps, a look at the validation window, until that no longer gets better."""
    train, valid = _cells(panel, TRAIN, "train"), _cells(panel, VALID, "valid")
    scaler = fit_scaler(panel.x_STF[train.securities_B, train.sessions_B])
    place = device()
    known = tuple(panel.grid.securities[row] for row in np.unique(train.securities_B))
    shape = Shape(_layout(panel, model.look_back), known, loss.outputs)
    network = model.network(shape)
    refuse_too_much(_memory(network, loss, panel.x_STF.shape, training), place)
    network = network.to(place)
    whole = sequences(panel, scaler(panel.x_STF), shape, place)
    unit = unit_of(panel, loss.aim)
    aim, later_aim = (aims(panel, segment, loss.aim, unit).to(place) for segment in (TRAIN, VALID))
    loop = Loop(network, loss, training, model.precision, seed)
    augment = augmenting(training, panel.columns, panel.groups)
    validation = Validation(whole, valid, later_aim, loss, training.burn_in, model.is_joint)
    go_on(loop, journal, keeper)
    while not loop.is_over:
        told = loop.run_epoch(batches(whole, aim, training), augment)
        score = loop.look(validation)
        journal(loop.epoch, told.loss, score.rank_ic, told.gradient_norm, score.loss)
        if keeper is not None:
            keeper.save({"loop": loop.state(), "journal": journal.state()})
    return Network(model, shape, scaler, loop.best(), loss, unit)


def needed(
    panel: Panel,
    model: NetworkSpec,
    loss: Loss,
    training: TrainingSpec,
    projection: Mapping[str, ProjectionSpec] = NO_PROJECTION,
) -> Memory:
    """The memory that the fit of a network will need, told before anything is fitted."""
    columns, groups = columns_behind(projection, panel.columns, panel.groups)
    kept = tuple(name for name in panel.sequence_columns if name in columns)
    shape = Shape(TableLayout(columns, kept, model.look_back, groups), tuple(panel.grid.securities), loss.outputs)
    names, sessions, _ = panel.x_STF.shape
    with torch.random.fork_rng():
        return _memory(model.network(shape), loss, (names, sessions, len(columns)), training)


def _memory(network: torch.nn.Module, loss: Loss, panel: tuple[int, ...], training: TrainingSpec) -> Memory:
    names, sessions, features = panel
    return estimate(network, loss, (names, sessions, features), training.batch_size, training.burn_in + training.span)


def sequences(panel: Panel, z_STF: np.ndarray, shape: Shape, place: torch.device) -> Sequences:
    """All names of a panel over all of its sessions, on a device."""
    names_S = shape.numbers(tuple(panel.grid.securities))
    arrays = (torch.from_numpy(z_STF), names_S, torch.from_numpy(panel.member_ST))
    return Sequences(*(array.to(place) for array in arrays))


def unit_of(panel: Panel, aim: Aim) -> float:
    """The return that one unit of an aim stands for: the spread of the train labels; 1 where it is no return."""
    return (float(panel.label_ST[panel.labelled(TRAIN)].std()) or 1.0) if aim == "return" else 1.0


def aims(panel: Panel, segment: int, aim: Aim, unit: float) -> torch.Tensor:
    """What the labelled cells of a segment should be stated as, [S, T], NaN elsewhere."""
    told = {"score": panel.target_ST, "rise": panel.label_ST > 0, "return": panel.label_ST / unit}
    return torch.from_numpy(np.where(panel.labelled(segment), told[aim], np.nan).astype(np.float32))


def go_on(loop: Loop, journal: Journal, keeper: Keeper | None) -> None:
    """Go on where an earlier process was stopped, if one was: weights, optimiser, and the journal."""
    kept = keeper.load() if keeper is not None else None
    if kept is not None:
        loop.restore(kept["loop"])
        journal.restore(kept["journal"])
