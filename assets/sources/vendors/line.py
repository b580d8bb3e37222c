"""Line: a connection to one vendor that looks into the cache first and asks only for what is not there yet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl
from filelock import FileLock, Timeout

from assets.sources.vendors.arrival import Arrival
from assets.sources.vendors.asking import Clock, Manners, PassingFault, insist
from assets.sources.vendors.raw_cache import Call, RawCache

LOCK_SECONDS = 600
PROGRESS_SECONDS = 5.0


class Client(Protocol):
    """A vendor's client as a line needs it."""

    def ask(self, endpoint: str, **arguments: str | int) -> pl.DataFrame:
        """The answer to a question put once, as text; PassingFault for what may pass, ValueError for what will not."""

    def hang_up(self) -> None:
        """End the session, where the questions opened one."""


@dataclass(frozen=True)
class Inquiry:
    """A question together with how it is put and when its answer is complete.

    arguments     of the client's function that is named by the call's endpoint
    columns       columns that the answer must have
    arrival       when the vendor brings something new of this kind
    settled_at    an answer asked for at this instant or later is never asked again; an earlier one is, after the
                  next arrival
    may_be_empty  whether an answer without rows can be true here; called only when there is one
    final         an answer with rows is complete whenever it was asked for
    """

    call: Call
    arguments: Mapping[str, str | int]
    columns: tuple[str, ...]
    arrival: Arrival
    settled_at: datetime
    may_be_empty: Callable[[], bool] = lambda: False
    final: bool = False

    def put_to(self, client: Client) -> pl.DataFrame:
        """The answer to one attempt, with the columns that were promised."""
        found = client.ask(self.call.endpoint, **self.arguments)
        if found.is_empty():
            if not self.may_be_empty():
                raise PassingFault("the answer is empty, and rows must exist")
            return pl.DataFrame(schema=dict.fromkeys(self.columns, pl.String))
        if missing := [name for name in self.columns if name not in found.columns]:
            raise ValueError(
                f"the answer to {self.call} has no column {missing}; it has {found.columns}. The vendor or its client "
                "changed: install the pinned client, or correct the connector."
            )
        return found


@dataclass
class Line:
    """One vendor: its client, its cache and its manners; `used` are the files that were read."""

    vendor: str
    client: Client
    cache: RawCache
    manners: Manners
    clock: Clock
    used: set[Path] = field(default_factory=set)

    def hold(self, inquiries: Sequence[Inquiry]) -> list[Path]:
        """Files with the answers, in order; asks the vendor for those that are missing or no longer fresh.

        Every answer is kept at once, so that after an interruption only the rest is asked.
        raises  ConnectionError when the vendor is out of reach, ValueError when it refuses or changed its answers
        """
        if any(not self._is_fresh(one) for one in inquiries):
            self._ask(inquiries)
        paths = [self.cache.path(one.call) for one in inquiries]
        self.used |= set(paths)
        return paths

    def rows(self, inquiries: Sequence[Inquiry], columns: Sequence[str], subject: str | None = None) -> pl.LazyFrame:
        """All answers below one another, as text; no rows when there is nothing to ask.

        subject  column that is to name what each row is an answer about, for answers that do not say it
        """
        wanted = [*columns, subject] if subject else list(columns)
        if not inquiries:
            return pl.LazyFrame(schema=dict.fromkeys(wanted, pl.String))
        answers = pl.scan_parquet(self.hold(inquiries), extra_columns="ignore", include_file_paths="_path")
        if subject:
            answers = answers.with_columns(pl.col("_path").str.extract(r"([^/\\]+)[/\\][^/\\]+$").alias(subject))
        return answers.select(wanted)

    def _is_fresh(self, one: Inquiry) -> bool:
        note = self.cache.note(one.call)
        if note is None:
            return False
        if note.asked_at >= one.settled_at or (one.final and note.rows > 0):
            return True
        return note.asked_at >= one.arrival.latest(self.clock.now())

    def _ask(self, inquiries: Sequence[Inquiry]) -> None:
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.cache.folder / ".asking.lock", timeout=LOCK_SECONDS)
        try:
            with lock:
                # Another process may have asked while this one waited for the lock.
                due = [one for one in inquiries if not self._is_fresh(one)]
                self._ask_each(due, len(inquiries))
        except Timeout:
            raise ConnectionError(
                f"another process has been asking {self.vendor} for {LOCK_SECONDS // 60} minutes; wait until it is done"
            ) from None

    def _ask_each(self, due: Sequence[Inquiry], wanted: int) -> None:
        started = told = self.clock.seconds()
        try:
            for done, one in enumerate(due):
                asked_at = self.clock.now()
                self.cache.keep(one.call, self._insist(one), asked_at)
                if self.clock.seconds() - told >= PROGRESS_SECONDS:
                    told = self.clock.seconds()
                    self._tell(done + 1, len(due), wanted, told - started)
        finally:
            self.client.hang_up()

    def _insist(self, one: Inquiry) -> pl.DataFrame:
        try:
            return insist(lambda: one.put_to(self.client), self.vendor, str(one.call), self.manners, self.clock)
        except ConnectionError as error:
            raise ConnectionError(
                f"{error}. What was answered before is kept in {self.cache.folder}: check the network and the "
                "vendor's status, then give the same command again; it goes on where it stopped."
            ) from None

    def _tell(self, done: int, due: int, wanted: int, seconds: float) -> None:
        left = seconds / done * (due - done) / 60
        held = wanted - due
        text = f"{self.vendor}: {done} of {due} questions answered, {held} were kept, about {left:.0f} min left"
        print(text, file=sys.stderr, flush=True)
