from datetime import datetime, timedelta

import pytest

from assets.sources.vendors.arrival import ZONE
from assets.sources.vendors.asking import Clock


class StandingClock(Clock):
    """Stands still but for what is slept; `slept` keeps each wait."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self.present = start
        self.start = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.present

    def seconds(self) -> float:
        return (self.present - self.start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.present += timedelta(seconds=seconds)

    def luck(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> StandingClock:
    """Friday 2026-10-16, 21:00 in Shanghai."""
    return StandingClock(datetime(2026, 10, 16, 21, tzinfo=ZONE))


@pytest.fixture(autouse=True)
def kept_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("KINDLING_RAW_CACHE", str(tmp_path / "raw_cache"))
