"""What people do in a browser, done in one: lineage, a run, a backfill, a gate that blocks, experiments compared.

What was seen is kept as pictures in `.kindling/screenshots`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scratch import ROOT, Scratch, Served, make_scratch, serve
from tests.test_river import LEAK, NEXT_CLOSE

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: the pages were not looked at"),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
NAMES = ("ridge_look_back_5", "ridge_look_back_10", "ridge_look_back_20")
FORECASTS = "experiments/ridge_look_back_5/forecasts"
PATIENCE = 180_000
"""Milliseconds in which a page must show what it is asked for: a run starts a process of its own."""


@dataclass
class Window:
    """A window of a browser before the user interfaces."""

    page: Page
    served: Served
    pictures: Path

    def dagster(self, place: str) -> None:
        """Open a page of Dagster."""
        self.page.goto(f"http://127.0.0.1:{self.served.port}/{place}")

    def mlflow(self, place: str) -> None:
        """Open a page of MLflow."""
        self.page.goto(f"http://127.0.0.1:{self.served.mlflow_port}/#/{place}")

    def sees(self, text: str) -> None:
        """Wait until some text can be seen."""
        self.page.locator(f"text={text} >> visible=true").first.wait_for()

    def presses(self, name: str) -> None:
        """Press the first button of this name that can be seen."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def materialises(self, key: str, partitions: str | None = None) -> None:
        """Ask for an asset on its page, and for some of its partitions where it has them."""
        self.dagster(f"assets/{key}")
        self.sees("Definition")
        self.page.get_by_role("button", name="Materialize").first.click()
        if partitions:
            dialog = self.page.get_by_role("dialog")
            dialog.get_by_role("button", name=partitions, exact=True).click()
            dialog.get_by_role("button", name="Launch").click()

    def follows_the_run(self, status: str) -> None:
        """Open the run that was launched, wait until it has ended so, and read it whole."""
        self.sees("Launched run")
        self.page.get_by_text("View", exact=True).last.click()
        self.page.wait_for_url("**/runs/**")
        self.sees(status)
        # What happened meanwhile is shown at once, wherever the page is not told of changed files.
        self.page.reload()
        self.sees(status)

    def keeps(self, name: str) -> None:
        """Keep what can be seen as a picture."""
        self.page.screenshot(path=self.pictures / f"{name}.png")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    scratch = make_scratch(tmp_path_factory.mktemp("browser"))
    (scratch.folder / "experiments" / "ridge_small.yaml").unlink()
    scratch.write_experiment("ridge", sweep={"model.look_back": [5, 10, 20]})
    done = scratch.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    return scratch


@pytest.fixture(scope="module")
def window(scratch: Scratch) -> Iterator[Window]:
    from playwright.sync_api import sync_playwright

    served = serve(scratch)
    pictures = ROOT / ".kindling" / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield Window(page, served, pictures)
        browser.close()
    served.process.terminate()
    served.process.wait(20)


def test_the_lineage_shows_every_stage_and_experiment(window: Window) -> None:
    window.dagster("asset-groups")
    for group in ("raw", "cleaning", "features", "targets", "gate", "evaluation", *NAMES):
        window.sees(group)
    window.keeps("lineage")


def test_an_asset_shows_its_columns_with_units_and_is_materialised(window: Window) -> None:
    window.materialises("evaluation/promotions")
    window.sees("its bound at that level [correlation]")
    window.keeps("asset")
    window.follows_the_run("Success")
    window.keeps("run")


def test_a_walk_forward_of_two_folds_is_one_backfill(window: Window) -> None:
    window.materialises(FORECASTS, "All")
    window.dagster("runs?view=backfills")
    window.sees("2 partitions")
    window.sees("Success")
    window.keeps("backfill")


def test_three_experiments_are_compared_by_settings_and_figures(window: Window) -> None:
    window.mlflow("experiments")
    window.sees(NAMES[0])
    for name in NAMES:
        window.page.get_by_role("row", name=name).get_by_role("checkbox").first.check()
    window.presses("Compare")
    window.sees("Displaying Runs from 3 Experiments")
    for name in NAMES:
        window.sees(f"{name}, 2015-07 to 2015-12")
    for number in range(len(NAMES)):
        window.page.get_by_label("toggle row selection").nth(number).check()
    window.presses("Compare")
    window.sees("Comparing 3 Runs from 3 Experiments")
    window.sees("model.look_back")
    window.sees("test.rank_ic")
    told = window.page.inner_text("body")
    assert all(f"{name}, 2015-07 to 2015-12" in told for name in NAMES)
    window.keeps("compared")


def test_a_failed_gate_is_seen_and_blocks_the_training(scratch: Scratch, window: Window) -> None:
    (scratch.folder / "assets" / "features" / "leaky.py").write_text(LEAK.format(expression=NEXT_CLOSE))
    scratch.write_experiment("leaky_ridge", features=["price_window", "leaky"])
    assert scratch.demo().returncode == 1
    window.dagster("asset-groups")
    window.page.get_by_text("Reload definitions").click()
    window.sees("leaky_ridge")
    window.dagster("assets/gate/leakage?view=checks")
    window.sees("Failed")
    window.keeps("gate")
    window.materialises("experiments/leaky_ridge/forecasts", "Latest")
    window.follows_the_run("Failure")
    window.sees("features/leaky")
    window.keeps("blocked")
