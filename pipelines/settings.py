"""Settings: which market, and where its files lie; read once from the environment, nothing else reads it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from assets.sources import Source
from assets.sources.market import parse_market

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = ROOT / "pipelines" / "experiments"


@dataclass(frozen=True)
class Settings:
    """A market and the places of its warehouse, runs and tracking.

    name          folder name of the market under `home`
    warehouse     folder or object-store address of the Parquet files
    tracking_uri  SQLite file or server of MLflow
    encoder       folder of a frozen text encoder, None for none
    trials        folder of the ledgers of trials, of openings and of promotions, None for one inside the home
    webhook       address to which failures are told, None for none; a secret
    """

    market: str
    name: str
    source: Source
    home: Path
    warehouse: str
    tracking_uri: str
    experiments: Path = EXPERIMENTS
    encoder: Path | None = None
    trials: Path | None = None
    webhook: str | None = field(default=None, repr=False)

    @property
    def dagster_home(self) -> Path:
        """Runs, schedules and sensors of this market."""
        return self.home / "dagster"

    @property
    def data_docs(self) -> Path:
        """Pages of the gate's verdicts."""
        return self.home / "data_docs"

    @property
    def ledgers(self) -> Path:
        """The ledgers of trials and of openings."""
        return self.trials or self.home / "trials"

    @property
    def artifacts(self) -> Path:
        """Model artifacts of the default tracking store."""
        return self.home / "mlflow" / "artifacts"


def read_settings() -> Settings:
    """Settings from the environment.

    KINDLING_MARKET       synthetic_market (default) or another form of assets.sources.market.FORMS
    KINDLING_HOME         folder of runs and data, default .kindling in the repository
    KINDLING_WAREHOUSE    a shared folder or object store, default inside the home
    KINDLING_EXPERIMENTS  folder of experiment YAML files
    KINDLING_WEBHOOK      address that is told of failed runs, default none
    KINDLING_TRIALS       folder of the ledgers of trials, openings and promotions, default `trials` beside all markets
    KINDLING_ENCODER      folder of a frozen text encoder, default none: the group news_encoding then does not exist
    MLFLOW_TRACKING_URI   a tracking server, default SQLite inside the home
    raises                ValueError for a market that is not known
    """
    market = os.environ.get("KINDLING_MARKET") or "synthetic_market"
    name = re.sub(r"\W+", "_", Path(market.split(":", maxsplit=1)[-1]).stem).strip("_")
    encoder = os.environ.get("KINDLING_ENCODER")
    homes = Path(os.environ.get("KINDLING_HOME") or ROOT / ".kindling").resolve()
    home = homes / name
    return Settings(
        market=market,
        name=name,
        source=parse_market(market),
        home=home,
        warehouse=os.environ.get("KINDLING_WAREHOUSE") or str(home / "warehouse"),
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
        experiments=Path(os.environ.get("KINDLING_EXPERIMENTS") or EXPERIMENTS),
        encoder=Path(encoder).resolve() if encoder else None,
        webhook=os.environ.get("KINDLING_WEBHOOK") or None,
        trials=Path(os.environ.get("KINDLING_TRIALS") or homes / "trials").resolve(),
    )
