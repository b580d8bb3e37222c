"""Asking: how a vendor is asked: not too often, again after a passing fault, and with a clear word when in vain."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime

import polars as pl
from pydantic import BaseModel, ConfigDict, Field
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from assets.sources.vendors.arrival import ZONE


class PassingFault(Exception):  # noqa: N818
    """Something that may be over in a minute: no connection, a busy server, an empty answer where rows must be."""


class Manners(BaseModel):
    """How often a vendor may be asked, and how patiently. None of it decides what the rows say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls_per_minute: float = Field(60, gt=0, le=1000)
    attempts: int = Field(5, ge=1, le=20)
    first_wait: float = Field(2.0, gt=0, description="seconds before the second attempt; it doubles each time")
    longest_wait: float = Field(60.0, gt=0, description="seconds")

    def wait(self, failures: int, luck: float) -> float:
        """Seconds to wait after so many failures; `luck` in [0, 1) spreads them over the upper half."""
        full = min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))
        return full * (0.5 + 0.5 * luck)


class Clock:
    """Time, sleep and chance, and when each vendor was asked last; a test puts its own in its place."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}

    def now(self) -> datetime:
        """The present instant, exchange time."""
        return datetime.now(ZONE)

    def seconds(self) -> float:
        """A count of seconds that only grows."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def luck(self) -> float:
        """A chance number in [0, 1), so that many who failed together do not come back together."""
        return random.random()  # noqa: S311

    def take_turn(self, vendor: str, calls_per_minute: float) -> None:
        """Wait until the vendor may be asked again, and note that it is asked now."""
        ready = self._asked.get(vendor, float("-inf")) + 60.0 / calls_per_minute
        if (early := ready - self.seconds()) > 0:
            self.sleep(early)
        self._asked[vendor] = self.seconds()


SYSTEM_CLOCK = Clock()


def insist(send: Callable[[], pl.DataFrame], vendor: str, what: str, manners: Manners, clock: Clock) -> pl.DataFrame:
    """The answer of a vendor, asked again after each passing fault with growing waits.

    raises  ConnectionError after the last attempt, with the last fault; any other error of `send` at once
    """
    asking = Retrying(
        retry=retry_if_exception_type(PassingFault),
        before=lambda _: clock.take_turn(vendor, manners.calls_per_minute),
        wait=lambda state: manners.wait(state.attempt_number, clock.luck()),
        stop=stop_after_attempt(manners.attempts),
        sleep=clock.sleep,
        reraise=True,
    )
    try:
        return asking(send)
    except PassingFault as fault:
        raise ConnectionError(f"{vendor} did not answer {what}, asked {manners.attempts} times: {fault}") from None
