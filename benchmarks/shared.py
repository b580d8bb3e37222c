"""Shared: where the folder of real data lies, `../shared` beside the project or what KINDLING_SHARED says."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("KINDLING_SHARED", Path(__file__).resolve().parents[2] / "shared"))
HOW_TO_SET_UP = "set KINDLING_SHARED to the folder of real data"
