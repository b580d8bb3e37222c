"""Alarms: what may be a leak, pointed at as evidence of the gate; it warns, and nothing waits for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import polars as pl

from assets.table import Declaration
from expectations.adversarial import ADVERSARIAL_COLUMNS, adversarial_columns
from expectations.honest_bounds import Floats
from expectations.lag_scan import DELAYS, LAG_SCAN, Outcomes, lag_scan, sessions_ahead
from expectations.session_ranks import session_ranks
from expectations.static_scan import MARKER, STATIC_SCAN, static_scan
from expectations.tables import Bars, Calendar, ForwardReturns, Universe
from expectations.too_good import TOO_GOOD, too_good_columns, too_good_forecasts
from pipelines.code_version import reached, source_path
from pipelines.experiment import Experiment
from pipelines.gate.adversarial_inputs import add_adversarial_inputs
from pipelines.gate.alarm_sample import Sample, take_sample
from pipelines.gate.evidence import add_evidence
from pipelines.gate.verdicts import add_verdict
from pipelines.graph import Graph
from pipelines.inputs import argument, whole, whole_by_key

EVIDENCE_OF_ALARMS = (
    "too_good_columns",
    "too_good_forecasts",
    "lag_scan",
    "adversarial_columns",
    "adversarial_inputs",
    "static_scan",
)
USUAL_HORIZON = 5
SESSIONS_OF_COLUMNS = 60
MARKET = {"calendar": Calendar.asset_key, "universe": Universe.asset_key}


def add_alarms(graph: Graph, tables: Mapping[str, Declaration], experiments: Mapping[str, Experiment]) -> str:
    """Add the evidence of every alarm and their verdict, whose check warns; returns its key.

    To be called when the experiments are in the graph: it reads what their forecasts told.
    """
    features = [key for key, table in tables.items() if table.stage == "features"]
    horizons = tuple(sorted({e.target.horizon for e in experiments.values()} or {USUAL_HORIZON}))
    _add_too_good_columns(graph, features, horizons)
    _add_too_good_forecasts(graph, experiments)
    _add_lag_scan(graph, features, horizons[0])
    _add_adversarial_columns(graph, features)
    add_adversarial_inputs(graph, experiments)
    _add_static_scan(graph, tables)
    return add_verdict(graph, "alarms", EVIDENCE_OF_ALARMS, blocking=False)


def _add_too_good_columns(graph: Graph, features: list[str], horizons: tuple[int, ...]) -> None:
    def too_good(
        calendar: pl.LazyFrame, universe: pl.LazyFrame, labels: pl.LazyFrame, **groups: pl.LazyFrame
    ) -> pl.DataFrame:
        """By feature column and horizon: RankIC, ICIR and hit rate, and the most that is believed of one column.

        Few sessions a step apart are looked at, and the members of the universe on them. A column above its bound knows
        what nothing honest knew of 400 real names; look for where it could see its label.
        """
        sample = take_sample(calendar, universe)
        settled = {h: sample.at(_label(labels, sample, h)) for h in horizons}
        found = [
            too_good_columns(key, {name: session_ranks(now)}, settled, sample.looked_at, sample.stride)
            for key, name, (now,) in _columns(groups, features, sample, 0)
        ]
        return pl.concat(found) if found else TOO_GOOD.to_frame()

    inputs = {**whole({**MARKET, "labels": ForwardReturns.asset_key}), **whole_by_key(features)}
    modules = ["expectations.too_good", "pipelines.gate.alarm_sample"]
    add_evidence(graph, "too_good_columns", TOO_GOOD, too_good, inputs, modules, json.dumps(horizons))


def _add_too_good_forecasts(graph: Graph, experiments: Mapping[str, Experiment]) -> None:
    def too_good(**information: pl.LazyFrame) -> pl.DataFrame:
        """By experiment, on validation and on test: RankIC, ICIR and hit rate, and the most that is believed.

        Honest networks on 400 real names stay below .17 at 5 sessions, with an ICIR of about 1.
        """
        found = [
            too_good_forecasts(name, frame.collect(), experiments[name].target.horizon)
            for name, frame in information.items()
        ]
        return pl.concat(found) if found else TOO_GOOD.to_frame()

    inputs = whole({name: f"experiments/{name}/information" for name in experiments})
    settings = json.dumps({name: experiment.target.horizon for name, experiment in experiments.items()})
    add_evidence(graph, "too_good_forecasts", TOO_GOOD, too_good, inputs, ["expectations.too_good"], settings)


def _add_lag_scan(graph: Graph, features: list[str], horizon: int) -> None:
    def scan(
        calendar: pl.LazyFrame, universe: pl.LazyFrame, labels: pl.LazyFrame, bars: pl.LazyFrame, **groups: pl.LazyFrame
    ) -> pl.DataFrame:
        """By feature column: its RankIC delayed by 0 to 3 sessions, with single sessions ahead, and that of its change.

        What a column gained since the session before is judged alone, so that a leak of one session shows in a slow
        column too; that fast columns fade is honest.
        """
        sample = take_sample(calendar, universe)
        label = _label(labels, sample, horizon)
        prices = sample.whole(bars, ("close", "vwap", "adj_factor"))
        ahead = sessions_ahead(prices["close"] * prices["adj_factor"], prices["vwap"] * prices["adj_factor"])
        outcomes = Outcomes(
            horizon,
            {delay: sample.at(label, delay) for delay in DELAYS},
            {place: sample.at(returns) for place, returns in ahead.items()},
        )
        found = [
            lag_scan(
                key, {name: (session_ranks(now), session_ranks(before))}, outcomes, sample.looked_at, sample.stride
            )
            for key, name, (now, before) in _columns(groups, features, sample, 0, 1)
        ]
        return pl.concat(found) if found else LAG_SCAN.to_frame()

    market = {**MARKET, "labels": ForwardReturns.asset_key, "bars": Bars.asset_key}
    modules = ["expectations.lag_scan", "pipelines.gate.alarm_sample"]
    add_evidence(graph, "lag_scan", LAG_SCAN, scan, {**whole(market), **whole_by_key(features)}, modules, str(horizon))


def _add_adversarial_columns(graph: Graph, features: list[str]) -> None:
    def tell(calendar: pl.LazyFrame, universe: pl.LazyFrame, **groups: pl.LazyFrame) -> pl.DataFrame:
        """By feature column: whether its values tell early from late, the session, or the security of a row.

        It points at identifiers, counters and encodings of the calendar, by which a model learns a history by heart.
        """
        sample = take_sample(calendar, universe, SESSIONS_OF_COLUMNS)
        found = [
            adversarial_columns(key, {name: now}, sample.looked_at)
            for key, name, (now,) in _columns(groups, features, sample, 0)
        ]
        return pl.concat(found) if found else ADVERSARIAL_COLUMNS.to_frame()

    modules = ["expectations.adversarial", "pipelines.gate.alarm_sample"]
    inputs = {**whole(MARKET), **whole_by_key(features)}
    add_evidence(graph, "adversarial_columns", ADVERSARIAL_COLUMNS, tell, inputs, modules)


def _add_static_scan(graph: Graph, tables: Mapping[str, Declaration]) -> None:
    # Targets may look ahead: that is what they are for.
    modules = sorted({table.function.__module__ for table in tables.values() if not table.sees_later})

    def scan() -> pl.DataFrame:
        """By place in the source of the tables: calls that often look ahead, and why.

        It only points. A comment `# looks ahead: why` on the line of an honest one says that it was looked at.
        """
        return static_scan(_sources(modules))

    # A comment is no part of the code version, but explains a point.
    explained = [line.strip() for text in _sources(modules).values() for line in text.splitlines() if MARKER in line]
    modules_read = ["expectations.static_scan", *modules]
    add_evidence(graph, "static_scan", STATIC_SCAN, scan, {}, modules_read, json.dumps(explained))


def _sources(modules: list[str]) -> dict[str, str]:
    """Source of the modules and of those among the assets that they reach."""
    paths = {name: source_path(name) for name in sorted(reached(*modules)) if name.startswith("assets.")}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items() if path is not None}


def _columns(
    groups: Mapping[str, pl.LazyFrame], features: list[str], sample: Sample, *before: int
) -> Iterator[tuple[str, str, list[Floats]]]:
    for key in features:
        for name, values in sample.columns(groups[argument(key)], before):
            yield key, name, values


def _label(labels: pl.LazyFrame, sample: Sample, horizon: int) -> Floats:
    """Settled returns of one horizon at every session, [T, S]."""
    return sample.whole(labels.filter(pl.col("horizon") == horizon), ["forward_return"])["forward_return"]
