"""Home: the folder of one market's runs, data and tracking, ready for Dagster."""

from __future__ import annotations

import logging
import os
import shutil
import warnings

from pipelines.settings import ROOT, Settings

SILENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
"""Nothing about the user goes out; read when mlflow is imported."""
IDLE = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""MLflow's server starts eight processes for jobs on language models, which nobody has here."""


def prepare_home(settings: Settings) -> None:
    """Create the folders, put dagster.yaml in place and point this process and its children at them."""
    send_nothing()
    os.environ |= IDLE
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    settings.artifacts.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def send_nothing() -> None:
    """Let neither this process nor its children tell the makers of their tools that they are used."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)


def be_quiet() -> None:
    """Leave what a person reads to the lines that are written for them; Dagster keeps the rest in its log."""
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore")
