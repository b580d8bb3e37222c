"""The home of a market, and what its processes are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from assets.sources.synthetic_market import SyntheticMarketSpec
from pipelines.settings import ROOT, Settings

ASK = """
import json, os
from pathlib import Path
from assets.sources.synthetic_market import SyntheticMarketSpec
from pipelines.home import prepare_home
from pipelines.settings import Settings
home = Path({home!r})
prepare_home(Settings("synthetic_market", "m", SyntheticMarketSpec(), home, str(home / "w"), "sqlite:///none"))
import mlflow.telemetry.utils as told
from mlflow.environment_variables import MLFLOW_SERVER_ENABLE_JOB_EXECUTION as jobs
print(json.dumps([os.environ["DAGSTER_HOME"], told.is_telemetry_disabled(), jobs.get()]))
"""


def test_who_is_started_in_it_finds_it_and_tells_nobody(tmp_path: Path) -> None:
    settings = Settings("synthetic_market", "m", SyntheticMarketSpec(), tmp_path, str(tmp_path / "w"), "sqlite:///none")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK.format(home=str(tmp_path))],
        cwd=ROOT, env={"PATH": "/usr/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [str(settings.dagster_home), True, False]
    assert "telemetry:\n  enabled: false" in (settings.dagster_home / "dagster.yaml").read_text()
