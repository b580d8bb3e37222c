"""Home: the folder of one market's runs, data and tracking, ready for Dagster."""

from __future__ import annotations

import logging
import os
import shutil
import warnings

from pipelines.settings import ROOT, Settings


def prepare_home(settings: Settings) -> None:
    """Create the folders, put dagster.yaml in place and point this process and its children at them."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    settings.artifacts.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def be_quiet() -> None:
    """Leave what a person reads to the lines that are written for them; Dagster keeps the rest in its log."""
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore")
