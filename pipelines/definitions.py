"""Definitions: the one code location that Dagster loads, for the market of the settings."""

from __future__ import annotations

import dagster as dg

from pipelines.project import load_project
from pipelines.run_log import quicken
from pipelines.settings import read_settings

quicken()
try:
    defs = load_project(read_settings()).definitions
except (ValueError, OSError) as error:
    raise dg.DagsterInvalidDefinitionError(str(error)) from None
