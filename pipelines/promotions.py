"""Promotions: the seat of each horizon, in a ledger that remembers every attempt and in aliases of the registry.

The alias `champion` says who serves; the ledger says why, and what error was spent. Where the alias was moved by hand,
to roll back perhaps, the ledger follows and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from assets.evaluation.information import daily, information, on_common_names
from assets.evaluation.leaderboard import Leaderboard, put_up
from assets.evaluation.luck_section import luck_of
from assets.evaluation.promotion import Promotions, Rivals, Seat, attempt, table, waits_for
from assets.hash_chain import Link
from assets.sources.identity import name_of
from expectations.tables import ForwardReturns
from pipelines.chain_file import ChainFile
from pipelines.experiment_assets import Walk
from pipelines.gate import GateRefusal
from pipelines.graph import Graph
from pipelines.inputs import whole
from pipelines.lineage import Versions
from pipelines.tracking import Tracking
from pipelines.trial_mirror import scored_family

CHAMPION, CHALLENGER = "champion", "challenger"
SIMPLE = ("linear", "gradient_boosting")
"""Kinds of models of which the first champion is one where there is any: all that is more has to earn the seat."""
Frames = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True)
class Seats:
    """What happened to the seats of one source, in a ledger beside that of the trials."""

    folder: Path
    source: str

    @property
    def chain(self) -> ChainFile:
        """The records of all sources."""
        return ChainFile(self.folder / "promotions.jsonl")

    def read(self, horizon: int | None = None) -> list[Seat]:
        """Everything that happened to the seat of a horizon, or of all; raises BrokenChainError as `ChainFile`."""
        return self._of(self.chain.read(), horizon)

    def add(self, horizon: int, following: Callable[[Sequence[Seat]], Seat | None]) -> list[Seat]:
        """Add what follows on the history of a seat, or nothing; returns the history. Nobody else adds meanwhile."""

        def record(chain: Sequence[Link]) -> dict[str, object] | None:
            seat = following(self._of(chain, horizon))
            return None if seat is None else seat.model_dump(mode="json")

        return self._of(self.chain.grow(record), horizon)

    def _of(self, chain: Sequence[Link], horizon: int | None) -> list[Seat]:
        seats = [Seat.model_validate(link.record, strict=False) for link in chain]
        return [seat for seat in seats if seat.source == self.source and horizon in (None, seat.horizon)]


def registered(horizon: int) -> str:
    """Name in the registry of the models of one horizon."""
    return f"forecaster_{horizon}_sessions"


def add_promotions(graph: Graph, walks: Mapping[str, Walk]) -> None:
    """Add the table of promotions; making it tries whether the best on validation takes the seat of its horizon."""
    read = {
        **{f"{name}__forecasts": f"experiments/{name}/forecasts" for name in walks},
        **{f"{name}__portfolio": f"experiments/{name}/portfolio" for name in walks},
        "labels": ForwardReturns.asset_key,
    }

    def make(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        versions = graph.versions(context.instance)
        if versions.is_stale(Leaderboard.asset_key, None):
            raise GateRefusal(
                f"{Promotions.asset_key} refuses to run: the leaderboard, or what it was made of, is out of date. "
                "Materialise what is stale, then this again."
            )
        board = frames["board"].collect()
        runs = {name: newest_run(walk, versions) for name, walk in walks.items()}
        told = {
            f"horizon {horizon}": judge(horizon, names, walks, frames, runs) for horizon, names in _by_horizon(board)
        }
        context.add_output_metadata(told)
        seats = [seat for walk in list(walks.values())[:1] for seat in seats_of(walk).read()]
        return table(seats)

    graph.add(
        Promotions,
        make,
        description=f"{Promotions.__doc__}\n\nAn attempt spends error; making this again without news spends none.",
        modules=("assets.evaluation.promotion", "pipelines.promotions"),
        inputs={**whole({"board": Leaderboard.asset_key}), **whole(read, counts=False)},
    )


def judge(
    horizon: int, names: Sequence[str], walks: Mapping[str, Walk], frames: Frames, runs: Mapping[str, str]
) -> str:
    """Seat a champion where there is none, let the best of the others try, move the aliases; returns what happened.

    names  experiments of the horizon, the best on validation first
    runs   of each experiment, the run whose model made its newest forecasts
    """
    seats = seats_of(walks[names[0]])
    until = _last_session(frames)
    history = seats.add(horizon, lambda before: seated(horizon, names, walks, before, until))
    others = [name for name in names if name != history[-1].holder]
    said = "no other experiment of this horizon"
    if others:
        rivals = rivals_of(walks[history[-1].holder], walks[others[0]], frames)
        said = waits_for(rivals, history)
        if not said:
            history = seats.add(horizon, lambda before: attempt(rivals, before))
            said = history[-1].reason
    holder = history[-1].holder
    point(walks[holder], CHAMPION, runs[holder])
    for name in [name for name in names if name != holder][:1]:
        point(walks[name], CHALLENGER, runs[name])
    return f"champion {holder}; {said}"


def seated(
    horizon: int, names: Sequence[str], walks: Mapping[str, Walk], before: Sequence[Seat], until: date
) -> Seat | None:
    """The record of a seat that was empty, was given back by hand, or whose holder is another model now; else None."""
    walk = walks[names[0]]
    named = holder_in_registry(walk.tracking, horizon)
    holder = before[-1].holder if before else None

    def seat(who: str, told: str, reason: str, champion: str | None = None) -> Seat:
        known = {"source": name_of(walk.source), "horizon": horizon, "until": until, "trial": walks[who].trial.id}
        other = {"challenger": who} if champion else {}
        return Seat.model_validate({**known, **other, "told": told, "champion": champion or who, "reason": reason})

    if holder and named in names and named != holder:
        return seat(str(named), "rolled back", f"the alias {CHAMPION} was moved by hand", holder)
    if holder not in names:
        simple = [name for name in names if walks[name].experiment.model.kind in SIMPLE]
        why = "the best on validation of the simple models" if simple else "the best on validation"
        gone = f"{holder} is asked no more; " if holder else ""
        return seat([*simple, *names][0], "seated", f"{gone}{why}")
    if before[-1].trial != walks[str(holder)].trial.id:
        return seat(str(holder), "seated", "its settings, its features or its code changed: another model, not tested")
    return None


def rivals_of(champion: Walk, challenger: Walk, frames: Frames) -> Rivals:
    """Both on the names of each test session that both have."""
    horizon = challenger.experiment.target.horizon
    labels = frames["labels"].filter(pl.col("horizon") == horizon).collect()
    pair = on_common_names(*(_test(frames[f"{one.experiment.name}__forecasts"]) for one in (champion, challenger)))
    champion_daily, challenger_daily = (
        daily(information(rows, labels, horizon), "test").select("session", "rank_ic") for rows in pair
    )
    return Rivals(
        source=name_of(challenger.source),
        horizon=horizon,
        champion=champion.experiment.name,
        challenger=challenger.experiment.name,
        champion_daily=champion_daily,
        challenger_daily=challenger_daily,
        dsr=_dsr(challenger, frames[f"{challenger.experiment.name}__portfolio"].collect()),
        trials=(champion.trial.id, challenger.trial.id),
    )


def newest_run(walk: Walk, versions: Versions) -> str:
    """The run of the first seed whose model made the stored forecasts of the newest fold; raises as `Walk.run_of`."""
    fold = walk.folds[-1].key
    return walk.run_of(fold, walk.seeds[0], versions.stamps(f"{walk.key}/forecasts")[fold].made_from)


def point(walk: Walk, alias: str, run_id: str) -> None:
    """Let an alias point at the model of a run; one that is moved by hand stays until there is another.

    The registry has one model of each fold, that of its first seed, by which the others are found.
    """
    name = registered(walk.experiment.target.horizon)
    tags = {"experiment": walk.experiment.name, "fold": walk.folds[-1].key, "trial": walk.trial.id}
    version, is_new = walk.tracking.register(name, run_id, tags)
    now = walk.tracking.pointed_at(name, alias)
    if is_new or now is None or now.tags.get("experiment") != walk.experiment.name:
        walk.tracking.point(name, alias, version)


def holder_in_registry(tracking: Tracking, horizon: int) -> str | None:
    """The experiment of the version that the alias of the champion points at; None where there is none."""
    version = tracking.pointed_at(registered(horizon), CHAMPION)
    return version.tags.get("experiment") if version else None


def seats_of(walk: Walk) -> Seats:
    """The ledger of the seats of a walk's source."""
    return Seats(walk.ledger.folder, name_of(walk.source))


def _by_horizon(board: pl.DataFrame) -> list[tuple[int, list[str]]]:
    grouped = put_up(board).group_by("horizon", maintain_order=True).agg("experiment")
    return list(grouped.iter_rows())


def _last_session(frames: Frames) -> date:
    found: date = frames["labels"].select(pl.col("session").max()).collect().item()
    return found


def _test(forecasts: pl.LazyFrame) -> pl.DataFrame:
    return forecasts.filter(pl.col("segment") == "test").collect()


def _dsr(walk: Walk, earned: pl.DataFrame) -> float:
    family, _ = scored_family(walk.ledger, walk.tracking, walk.trial, walk.experiment.name, earned)
    told = {figure.metric: figure.value for figure in luck_of(family)}
    return told.get("dsr_effective", float("nan"))
