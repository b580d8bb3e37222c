"""UI: what is looked at while the processes run."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from pipelines import ui


class Source:
    """A source whose bars come to another day each time it is asked."""

    def __init__(self, *reached: date | None) -> None:
        self.days = iter(reached)

    def first_session(self) -> date:
        return date(2015, 1, 5)

    def last_session(self) -> date:
        return date(2015, 12, 31)

    def reached(self) -> date | None:
        return next(self.days)


def test_a_month_that_the_bars_come_to_is_a_reason_to_load_again_and_a_day_is_none():
    days = Source(date(2015, 6, 29), date(2015, 6, 30), date(2015, 7, 1), None)
    found = [ui.partitions_of(days) for _ in range(4)]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_the_code_is_loaded_once_for_each_new_month_until_a_process_ends(monkeypatch):
    monkeypatch.setattr(ui, "LOOKS_SECONDS", 0.0)
    loaded: list[int] = []
    monkeypatch.setattr(ui, "reload", loaded.append)
    days = [date(2015, 6, 30), date(2015, 6, 30), date(2015, 7, 1)] + [date(2015, 7, 2)] * 100
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
    assert ui.watch({"webserver": process}, Source(*days), 3000) == ["webserver"]
    assert loaded == [3000]


def test_a_load_that_failed_is_tried_again(monkeypatch):
    monkeypatch.setattr(ui, "LOOKS_SECONDS", 0.0)
    tries: list[int] = []

    def fails_once(port: int) -> None:
        tries.append(port)
        if len(tries) == 1:
            raise OSError("the webserver is not there yet")

    monkeypatch.setattr(ui, "reload", fails_once)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
    ui.watch({"webserver": process}, Source(date(2015, 6, 30), *[date(2015, 7, 1)] * 100), 3000)
    assert len(tries) == 2


@pytest.mark.parametrize("name", ["webserver", "daemon"])
def test_both_of_dagster_ask_the_one_process_that_loads_the_code(tmp_path, name):
    from assets.sources.synthetic_market import SyntheticMarketSpec
    from pipelines.settings import Settings

    settings = Settings("synthetic_market", "m", SyntheticMarketSpec(), tmp_path, str(tmp_path / "w"), "sqlite:///none")
    lines = ui.commands(settings, 1, 2, tmp_path)
    assert str(tmp_path / "workspace.yaml") in lines[name]
    assert f"socket: {tmp_path / ui.SOCKET}" in (tmp_path / "workspace.yaml").read_text()
    assert str(tmp_path / ui.SOCKET) in lines["code"]
