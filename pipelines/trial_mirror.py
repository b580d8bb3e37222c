"""Trial mirror: the entries of the trial ledger as tags of the parent runs, against which the ledger is held.

A run that was deleted says nothing any more, and the ledger needs none. A run that is there and tells of an entry that
the ledger lacks shows that the ledger was put back to an older one, or is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from assets.evaluation.trials import Family, Trial, records_of, trials_of
from assets.hash_chain import BrokenChainError, Link
from pipelines.chain_file import WHAT_TO_DO
from pipelines.tracking import Tracking
from pipelines.trial_ledger import TrialLedger

PREFIX = "trial."
SHORT = 8


def tags_of(chain: Sequence[Link], entry: Link, trial: Trial) -> dict[str, str]:
    """What the parent run of a trial says of its entry: under ledger and trial, the hash of the link."""
    return {"trial": trial.id, f"{PREFIX}{chain[0].hash[:SHORT]}.{trial.id}": entry.hash}


def scored_family(
    ledger: TrialLedger, tracking: Tracking, trial: Trial, experiment: str, daily: pl.DataFrame
) -> tuple[Family, int]:
    """Store what a trial earned; returns its family, and how many trials the store has of other ledgers.

    A trial that was trained before there was a ledger is entered now. One that is new by the text of its code alone,
    whose forecasts nobody made again, earns what it earned before and stays the trial that it was.
    daily   session, excess_return of its test sessions
    raises  BrokenChainError where the ledger is not whole, or lacks what a run in the store says was entered
    """
    chain = ledger.chain.read()
    told = list(_told(tracking))
    require_whole(ledger, chain, told)
    if trial.id not in trials_of(records_of(chain)):
        trial = ledger.with_returns(trial, daily) or trial
    if trial.id not in trials_of(records_of(chain)):
        if any(name == trial.id for _, name, _ in told):
            raise BrokenChainError(
                f"{ledger.chain.path} has no entry of the trial {trial.id}, which a run of {experiment} says was "
                f"entered. {WHAT_TO_DO} Then materialise experiments/{experiment}/forecasts, which enters it."
            )
        ledger.enter(trial, experiment)
    ledger.score(trial, daily)
    return ledger.family(trial), elsewhere(ledger.chain.read(), told)


def require_whole(ledger: TrialLedger, chain: Sequence[Link], told: Iterable[tuple[str, str, str]]) -> None:
    """Refuse a ledger that lacks an entry of its own which a run tells of; raises BrokenChainError naming the trial."""
    hashes = {link.hash for link in chain}
    for own, name, entry in told:
        if chain and own == chain[0].hash[:SHORT] and entry not in hashes:
            raise BrokenChainError(
                f"{ledger.chain.path} was put back to an older one: a run says that the trial {name} was entered as "
                f"{entry}, which is not in it. {WHAT_TO_DO}"
            )


def elsewhere(chain: Sequence[Link], told: Iterable[tuple[str, str, str]]) -> int:
    """Trials that runs tell of and that this ledger never had."""
    return len({name for _, name, _ in told} - set(trials_of(records_of(chain))))


def _told(tracking: Tracking) -> Iterator[tuple[str, str, str]]:
    """Ledger, trial and hash of the entry, of every tag of a parent run that is not deleted."""
    experiments = [found.experiment_id for found in tracking.client.search_experiments()]
    for run in tracking.client.search_runs(experiments, "tags.level = 'walk_forward'") if experiments else []:
        yield from _entries(run.data.tags)


def _entries(tags: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for key, entry in tags.items():
        if key.startswith(PREFIX):
            ledger, _, name = key.removeprefix(PREFIX).partition(".")
            yield ledger, name, entry
