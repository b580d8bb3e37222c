"""Definitions: the one code location that Dagster loads, for the market of the settings."""

from __future__ import annotations

from pipelines.project import load_project
from pipelines.run_log import quicken
from pipelines.settings import read_settings

quicken()
defs = load_project(read_settings()).definitions
