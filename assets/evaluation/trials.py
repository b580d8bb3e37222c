"""Trials: which configurations had their test sessions scored, and which of them looked at the same thing.

A trial is one configuration whose test sessions were scored, whatever it is called; its seeds, folds and re-runs are
the same trial. A family is what overlaps in source, universe and test sessions: the best of a family is the best of as
many as it has, and those that never came to a result were looked for too. The records stand in a hash chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

import dataframely as dy
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from assets.hash_chain import Link
from expectations.tables import Table

MEMBERS = pl.Schema(
    {
        "trial_id": pl.String(),
        "experiment": pl.String(),
        "entered_at": pl.Datetime("us", "UTC"),
        "first_test": pl.Date(),
        "last_test": pl.Date(),
        "returns": pl.String(),
        "sessions": pl.Int64(),
    }
)


class TrialReturns(Table):
    """What trials earned on their test sessions, one row for each trial and session."""

    trial_id = dy.String(primary_key=True)
    session = dy.Date(primary_key=True)
    excess_return = dy.Float64(
        metadata={"unit": "simple return", "definition": "net of costs, less the equal-weight universe before costs"}
    )


class Part(BaseModel):
    """A part of a record: frozen, and unknown keys are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Trial(Part):
    """One configuration and the test sessions on which it is scored.

    id                      digest of all that decides the answer: see `trial_id`
    source                  name of the source
    basket                  security ids of the universe; None for the whole
    first_test, last_test   calendar days, both included, of all test windows together
    """

    id: str
    source: str
    basket: tuple[str, ...] | None
    first_test: date
    last_test: date


class Entered(Part):
    """A trial, entered before its first training; entered again where its test sessions reach further.

    experiment  what it was called then
    """

    kind: Literal["entered"] = "entered"
    trial: Trial
    experiment: str
    at: datetime


class Scored(Part):
    """The daily returns of a trial were stored: the hash of their content; of several the last ones count."""

    kind: Literal["scored"] = "scored"
    trial_id: str
    content: str
    sessions: int
    at: datetime


Record = Annotated[Entered | Scored, Field(discriminator="kind")]
RECORD: TypeAdapter[Entered | Scored] = TypeAdapter(Record)


@dataclass(frozen=True)
class Family:
    """The trials that looked at the same thing as one of them does, itself among them.

    trial    the one
    members  MEMBERS: each trial once, in the order of entry, as it was first called; `returns` is the hash of its
             stored returns, null where it has none
    returns  `TrialReturns` of those that have some
    """

    trial: Trial
    members: pl.DataFrame
    returns: pl.DataFrame

    @property
    def trials(self) -> int:
        """N: all of them, the failed ones too."""
        return self.members.height

    @property
    def failed(self) -> int:
        """Those of N without stored returns: never trained to the end, refused, or still on the way."""
        return self.members["returns"].null_count()


def trial_id(settings: Mapping[str, object]) -> str:
    """Digest of settings that JSON can hold; the order of their keys does not count."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def records_of(chain: Iterable[Link]) -> list[Entered | Scored]:
    """The records of a verified chain; raises ValueError for a record that is neither."""
    return [RECORD.validate_python(link.record, strict=False) for link in chain]


def is_entered(records: Sequence[Entered | Scored], trial: Trial) -> bool:
    """Whether a trial stands in the ledger with all the test sessions that it has."""
    known = trials_of(records).get(trial.id)
    return known is not None and known.first_test <= trial.first_test and trial.last_test <= known.last_test


def trials_of(records: Sequence[Entered | Scored]) -> dict[str, Trial]:
    """Each trial once by id, with all the test sessions that it was entered with at any time."""
    found: dict[str, Trial] = {}
    for record in records:
        if isinstance(record, Entered):
            before = found.get(record.trial.id, record.trial)
            first = min(before.first_test, record.trial.first_test)
            last = max(before.last_test, record.trial.last_test)
            found[record.trial.id] = before.model_copy(update={"first_test": first, "last_test": last})
    return found


def overlap(one: Trial, other: Trial) -> bool:
    """Whether two trials share source, some security and some test session."""
    if one.source != other.source:
        return False
    if one.first_test > other.last_test or other.first_test > one.last_test:
        return False
    return one.basket is None or other.basket is None or bool(set(one.basket) & set(other.basket))


def with_returns(records: Sequence[Entered | Scored], trial: Trial, content: str) -> Trial | None:
    """The trial of the same source, universe and first test session that earned just this; None where none did."""
    scored = {record.trial_id: record.content for record in records if isinstance(record, Scored)}
    for name, other in trials_of(records).items():
        same = (other.source, other.basket, other.first_test) == (trial.source, trial.basket, trial.first_test)
        if same and scored.get(name) == content:
            return other
    return None


def members_of(records: Sequence[Entered | Scored], trial: Trial) -> pl.DataFrame:
    """MEMBERS of the family of a trial that stands in the ledger."""
    trials = trials_of(records)
    own = trials[trial.id]
    first = {record.trial.id: record for record in reversed(records) if isinstance(record, Entered)}
    scored = {record.trial_id: record for record in records if isinstance(record, Scored)}
    rows = []
    for name, other in trials.items():
        if overlap(own, other):
            told = scored.get(name)
            result = (told.content, told.sessions) if told else (None, None)
            rows.append((name, first[name].experiment, first[name].at, other.first_test, other.last_test, *result))
    return pl.DataFrame(rows, schema=MEMBERS, orient="row")
