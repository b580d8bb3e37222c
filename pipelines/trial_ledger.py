"""Trial ledger: every configuration whose test sessions are scored, entered before it is trained, and what it earned.

Our own file, in a hash chain, beside all markets: runs may be deleted and questions renamed, the number of trials
stays. Each entry is mirrored to the parent run in MLflow, which tells of a ledger that was put back to an older one.
It guards against accident and forgetting, not against its owner, who can begin a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from upath import UPath

from assets.evaluation.trials import (
    Entered,
    Family,
    Scored,
    Trial,
    TrialReturns,
    is_entered,
    members_of,
    records_of,
    trial_id,
    trials_of,
    with_returns,
)
from assets.folds.walk_forward import Fold
from assets.hash_chain import BrokenChainError, Link
from assets.sources import Source
from assets.sources.identity import name_of, securities_of, settings_of
from assets.table import Declaration
from pipelines.chain_file import WHAT_TO_DO, ChainFile
from pipelines.code_version import meaning
from pipelines.experiment import Experiment
from pipelines.warehouse import content_hash, store_frame

NO_OTHER_TRIAL: Mapping[str, bool | set[str]] = {
    "name": True,
    "question": True,
    "owner": True,
    "training": {"seeds", "threads", "processes"},
}
"""What an experiment may be called, and how often and on how many cores it is fitted, makes no other trial of it."""


def trial_of(
    experiment: Experiment, features: Mapping[str, Declaration], source: Source, windows: Sequence[Fold]
) -> Trial:
    """The trial that an experiment is.

    What decides its answer: its settings, the source, and the text of its model's and its feature groups' modules,
    without comments. A feature that was written anew under its old name is another trial.
    """
    modules = sorted({table.function.__module__ for table in features.values()} | {type(experiment.model).__module__})
    decided_by = {
        "experiment": experiment.model_dump(mode="json", exclude=NO_OTHER_TRIAL),
        "source": [name_of(source), settings_of(source)],
        "code": {module: meaning(module) for module in modules},
        "features": {name: table.settings for name, table in features.items()},
    }
    basket = experiment.universe.basket or securities_of(source)
    return Trial(
        id=trial_id(decided_by),
        source=name_of(source),
        basket=tuple(sorted(basket)) if basket else None,
        first_test=windows[0].test_start,
        last_test=windows[-1].test_end - timedelta(days=1),
    )


@dataclass(frozen=True)
class TrialLedger:
    """The ledger in a folder: the chain, and the daily returns of each trial by the hash of their content."""

    folder: Path

    @property
    def chain(self) -> ChainFile:
        """The records."""
        return ChainFile(self.folder / "trials.jsonl")

    def enter(self, trial: Trial, experiment: str) -> tuple[list[Link], Link]:
        """Enter a trial, unless it stands there with all its test sessions; returns the chain and the last entry.

        raises  BrokenChainError where the ledger is not whole
        """

        def following(chain: Sequence[Link]) -> dict[str, object] | None:
            if is_entered(records_of(chain), trial):
                return None
            return Entered(trial=trial, experiment=experiment, at=datetime.now(UTC)).model_dump(mode="json")

        chain = self.chain.grow(following)
        entries = [
            link
            for link, record in zip(chain, records_of(chain), strict=True)
            if isinstance(record, Entered) and record.trial.id == trial.id
        ]
        return chain, entries[-1]

    def score(self, trial: Trial, daily: pl.DataFrame) -> None:
        """Store what an entered trial earned on its test sessions; the returns that it had before are kept beside.

        daily   session, excess_return; rows without a return are left out, and nothing is stored where none has one
        raises  BrokenChainError where the ledger is not whole
        """
        frame = _earned(daily)
        if frame.is_empty():
            return
        content = content_hash(frame)
        store_frame(self._returns(trial.id, content), frame)

        def following(chain: Sequence[Link]) -> dict[str, object] | None:
            last = [r.content for r in records_of(chain) if isinstance(r, Scored) and r.trial_id == trial.id][-1:]
            if last == [content]:
                return None
            scored = Scored(trial_id=trial.id, content=content, sessions=frame.height, at=datetime.now(UTC))
            return scored.model_dump(mode="json")

        self.chain.grow(following)

    def with_returns(self, trial: Trial, daily: pl.DataFrame) -> Trial | None:
        """The trial in the ledger that earned to the bit what another text of it earned; None where there is none."""
        frame = _earned(daily)
        return None if frame.is_empty() else with_returns(records_of(self.chain.read()), trial, content_hash(frame))

    def family(self, trial: Trial) -> Family:
        """The family of a trial that stands in the ledger, with the stored returns of its members.

        raises  BrokenChainError where the ledger is not whole, where the trial does not stand in it, and where stored
                returns are gone or others than were written
        """
        records = records_of(self.chain.read())
        if trial.id not in trials_of(records):
            raise BrokenChainError(f"{self.chain.path} has no entry of the trial {trial.id}. {WHAT_TO_DO}")
        members = members_of(records, trial)
        scored = members.filter(pl.col("returns").is_not_null()).select("trial_id", "returns").iter_rows()
        parts = [self._read(name, content) for name, content in scored]
        returns = pl.concat(parts) if parts else TrialReturns.create_empty()
        return Family(trial, members, TrialReturns.validate(returns))

    def _read(self, name: str, content: str) -> pl.DataFrame:
        path = self._returns(name, content)
        if not path.exists():
            raise BrokenChainError(f"{path}, the returns of the trial {name}, is gone. {WHAT_TO_DO}")
        frame = pl.read_parquet(str(path))
        if content_hash(frame) != content:
            raise BrokenChainError(f"{path}, the returns of the trial {name}, is not what was written. {WHAT_TO_DO}")
        return frame.select(pl.lit(name).alias("trial_id"), "session", "excess_return")

    def _returns(self, name: str, content: str) -> UPath:
        return UPath(self.folder / "returns" / name / f"{content}.parquet")


def _earned(daily: pl.DataFrame) -> pl.DataFrame:
    return daily.select("session", "excess_return").drop_nulls().sort("session")
