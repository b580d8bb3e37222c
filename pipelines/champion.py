"""Champion: whose models serve, and the panels that they are asked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.folds.walk_forward import Fold
from assets.serving.rescored import fingerprint
from assets.training.panel import Panel
from expectations.tables import Bars, Calendar, ForwardReturns, Universe
from models.served import Forecaster
from pipelines.experiment_assets import Walk
from pipelines.fold_path import fold_panel
from pipelines.graph import Graph
from pipelines.promotions import CHAMPION, registered


@dataclass(frozen=True)
class Champion:
    """Whose models forecast, and where they are kept.

    fold  key of the fold on which they were fitted
    runs  by seed, the run that a model was logged with
    """

    walk: Walk
    fold: str
    runs: Mapping[int, str]

    def forecasters(self) -> dict[int, Forecaster]:
        """The models by seed, read from their files alone."""
        return {seed: self.walk.tracking.forecaster(run) for seed, run in self.runs.items()}


@dataclass(frozen=True)
class Market:
    """What is in store of a market, whatever of it is missing, by the key of the table."""

    graph: Graph

    def read(self, key: str) -> pl.LazyFrame:
        """All rows that are there."""
        return self.graph.warehouse.read(key)

    def sessions(self) -> pl.Series:
        """The calendar."""
        return self.read(Calendar.asset_key).select("session").collect()["session"].sort()

    def panel(self, walk: Walk, first: date, last: date) -> Panel:
        """The panel of some sessions, both ends included, and of the look-back before them; no label is looked at."""
        return self._panel(walk, pl.col("session").is_between(self.since(walk, first), last), first, last)

    def _panel(self, walk: Walk, window: pl.Expr, first: date, last: date) -> Panel:
        """The panel of the sessions inside a window, of which those from first to last stand in a test window."""
        frames = {
            name: frame if "session" not in frame.collect_schema() else frame.filter(window)
            for name, frame in ((name, self.read(key)) for name, key in walk.tables.items())
        }
        names = frames["universe"].filter(pl.col("session") >= first).select("session", "security_id")
        # As positions that are still open: the sessions stand in a test window, and nothing is known of their outcome.
        open_labels = pl.concat([ForwardReturns.create_empty().lazy(), names], how="diagonal_relaxed")
        frames["labels"] = open_labels.with_columns(horizon=pl.lit(walk.experiment.target.horizon))
        return fold_panel(walk, Fold(f"{first}", first, first, first, last + timedelta(days=1)), frames)

    def cells(self, walk: Walk, days: Sequence[date]) -> dict[str, NDArray[np.float32]]:
        """Column -> its values of the members of some sessions, as models see them."""
        asked = pl.col("session").is_in(list(days))
        panel = self._panel(walk, asked, days[0], days[-1])
        cells_NF = panel.x_STF[panel.member_ST]
        return {name: cells_NF[:, place] for place, name in enumerate(panel.columns)}

    def since(self, walk: Walk, session: date) -> date:
        """The first session of the look-back that ends with a session."""
        days = self.sessions()
        return days.filter(days <= session).tail(walk.experiment.model.look_back)[0]  # type: ignore[no-any-return]

    def fingerprint(self, walk: Walk, session: date) -> pl.DataFrame:
        """Digests of all that the list of a session reads."""
        keyed = {table.key for table in walk.features.values()} | {Bars.asset_key, Universe.asset_key}
        return fingerprint({key: self.read(key) for key in sorted(keyed)}, self.since(walk, session), session)


def champion_of(walks: Mapping[str, Walk], horizon: int) -> Champion | None:
    """The champion of a horizon, as the registry says; None where nobody is asked who has that seat."""
    for walk in list(walks.values())[:1]:
        version = walk.tracking.pointed_at(registered(horizon), CHAMPION)
        if version is not None and version.tags.get("experiment") in walks:
            return _with_runs(walks[version.tags["experiment"]], str(version.run_id))
    return None


def _with_runs(walk: Walk, run_id: str) -> Champion:
    tags = walk.tracking.client.get_run(run_id).data.tags
    identity = {name: tags[name] for name in ("level", "walk_forward_id", "fold", "learned_from")}
    found = walk.tracking.find(walk.experiment.name, identity, finished=True)
    seeds = {int(walk.tracking.client.get_run(run).data.tags["seed"]): run for run in found}
    return Champion(walk, tags["fold"], dict(sorted(seeds.items())))
