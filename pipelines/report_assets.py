"""Report assets: what an experiment's forecasts were worth, told as tables, as a page and as a leaderboard."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import dagster as dg
import polars as pl

from assets.evaluation import information as informing
from assets.evaluation.capacity import Capacity, capacity
from assets.evaluation.ensemble import KEYS, ensemble
from assets.evaluation.gate_section import Gate
from assets.evaluation.leaderboard import Entry, Leaderboard, leaderboard, put_up
from assets.evaluation.leaderboard_page import render_leaderboard
from assets.evaluation.luck_section import luck_of_all
from assets.evaluation.portfolio import Orders, PortfolioDaily, Simulation, placed, simulate
from assets.evaluation.report import Findings, Summary, render, summary, verdict, windows_of
from assets.evaluation.trading import TradingSpec
from assets.evaluation.trials_section import Looks
from expectations.suites.data_docs import INDEX
from expectations.tables import Bars, Calendar, ForwardReturns, RefusedBars, Table, Universe
from pipelines.depth_assets import add_depth
from pipelines.experiment import Experiment
from pipelines.experiment_assets import Walk
from pipelines.fold_path import Study
from pipelines.gate import require
from pipelines.gate.data_docs import links
from pipelines.gate.evidence import shown
from pipelines.gate.portfolio import MODULES, Dealt, add_portfolio
from pipelines.gate.said import data_version, stages, verdict_tags
from pipelines.gate.selection import add_selection
from pipelines.gate.served import Trained, add_served
from pipelines.graph import Graph
from pipelines.inputs import argument, whole, whole_by_key
from pipelines.openings import holdout_of, openings_of
from pipelines.tracking import Tracking
from pipelines.trial_mirror import scored_family

Make = Callable[[pl.DataFrame, pl.DataFrame, int], pl.DataFrame]
Trade = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame, TradingSpec], pl.DataFrame]
SEGMENTS = ("valid", "test")
SIMPLE = ("linear", "gradient_boosting")
"""Kinds of models that every other is held beside."""
PICTURES = {
    "fold_timeline": "windows of each fold",
    "cumulative_rank_ic": "cumulative RankIC of the test",
    "rank_ic_of_slices": "RankIC by part",
    "what_styles_leave": "RankIC without styles",
    "worth": "the portfolio beside the universe",
    "by_capital": "what larger sums would have earned",
    "reliability": "how often it rose by what was stated",
}
"""Pictures of a report that stand in the metadata too, with what they show."""


def add_verdict(walk: Walk, gates: Sequence[str], reports: Path, data_docs: Path) -> None:
    """Add the tables on an experiment's forecasts, its portfolio and its report, which links to the Data Docs."""
    for schema, name, make in (
        (informing.Information, "information", informing.information),
        (informing.SeedInformation, "seed_information", informing.seed_information),
        (informing.Deciles, "deciles", informing.deciles),
    ):
        _add_information(walk, schema, name, make)
    _add_portfolio(walk, PortfolioDaily, "portfolio", lambda *given: simulate(*given).daily)
    _add_portfolio(walk, Orders, "orders", placed)
    _add_portfolio(walk, Capacity, "capacity", capacity, ("assets.evaluation.capacity",))
    add_depth(walk)
    served = add_served(walk.graph, _trained(walk))
    dealt = Dealt(
        walk.experiment.name, walk.key, walk.experiment.trading, lambda rows: told(walk.experiment, rows, "test")
    )
    gates = (*gates, served, add_portfolio(walk.graph, dealt))
    made = ("forecasts", "information", "seed_information", "deciles", "depth", "capacity")
    market = {"bars": Bars, "universe": Universe, "calendar": Calendar, "refused": RefusedBars}
    read = {
        **{name: f"{walk.key}/{name}" for name in made},
        **{name: schema.asset_key for name, schema in market.items()},
        "counts": "gate/evidence_counts",
    }
    ordered = {"perturbation": "gate/evidence_future_perturbation", "walk_forward": f"{walk.key}/walk_forward"}
    walk.graph.add(
        Summary,
        lambda context, **frames: report(walk, context, frames, gates, reports, data_docs),
        key=f"{walk.key}/report",
        description=f"{Summary.__doc__}\n\n{walk.experiment.question}\n\nIts page is in the metadata.",
        modules=("assets.evaluation.report",),
        inputs={**whole(read), **whole(ordered, counts=False), **whole_by_key(gates, counts=False)},
        settings=walk.experiment.model_dump_json(),
        group=walk.experiment.name,
    )


def _trained(walk: Walk) -> Trained:
    study = Study(walk.experiment, walk.features)
    return Trained(study, walk.key, walk.folds, walk.seeds, walk.saved)


def add_leaderboard(graph: Graph, walks: Mapping[str, Walk], pages: Path) -> None:
    """Add the leaderboard over all experiments and its page, behind the verdict that it follows validation alone.

    Who is put up for promotion follows from it, and so from validation too.
    """
    reports = {name: f"experiments/{name}/report" for name in walks}
    gate = add_selection(graph, reports, lambda summaries: choices(_board(walks, summaries, {})))

    def make(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        asked = {gate: frames[argument(gate)].collect()}
        require(asked, graph.versions(context.instance), context.asset_key.to_user_string(), None)
        summaries = {name: frames[name].collect() for name in walks}
        runs = {name: frames[f"{name}__walk_forward"].collect()["run_id"][0] for name in walks}
        board = _board(walks, summaries, runs)
        daily = {name: frames[f"{name}__portfolio"].collect() for name in walks}
        context.add_output_metadata(show_leaderboard(board, walks, daily, pages))
        return board

    runs = {f"{name}__walk_forward": f"experiments/{name}/walk_forward" for name in walks}
    daily = {f"{name}__portfolio": f"experiments/{name}/portfolio" for name in walks}
    graph.add(
        Leaderboard,
        make,
        description=Leaderboard.__doc__ or "",
        modules=("assets.evaluation.leaderboard", "assets.evaluation.leaderboard_page"),
        inputs={**whole(reports), **whole({**runs, **daily}, counts=False), **whole_by_key([gate], counts=False)},
        settings=" ".join(f"{name}:{len(walk.folds)}" for name, walk in walks.items()),
    )


def show_leaderboard(
    board: pl.DataFrame, walks: Mapping[str, Walk], daily: Mapping[str, pl.DataFrame], pages: Path
) -> dict[str, dg.MetadataValue]:
    """Write the page of the leaderboard, keep it with a run of its own, and return what the UI shows of it.

    daily  rows of `PortfolioDaily` by experiment
    """
    families = {name: looks_of(walks[name], daily[name]).family for name in board["experiment"]}
    simple = [name for name in families if walks[name].experiment.model.kind in SIMPLE]
    files = render_leaderboard(board, luck_of_all(families, simple))
    pages.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (pages / name).write_bytes(content)
    for walk in list(walks.values())[:1]:
        run_id = walk.tracking.open_run("leaderboard", "leaderboard", {"level": "leaderboard"}, {})
        with walk.tracking.running(run_id):
            walk.tracking.log_files(run_id, files)
    pictures = {name.removesuffix(".png"): content for name, content in files.items() if name.endswith(".png")}
    return {
        "page": dg.MetadataValue.url((pages / "leaderboard.html").as_uri()),
        **{name: shown(content, name.replace("_", " ")) for name, content in pictures.items()},
    }


def _board(walks: Mapping[str, Walk], summaries: Mapping[str, pl.DataFrame], runs: Mapping[str, str]) -> pl.DataFrame:
    """The leaderboard of reports, by experiment."""
    return leaderboard(
        [
            Entry(
                experiment=name,
                model=walk.experiment.model.kind,
                horizon=walk.experiment.target.horizon,
                folds=len(walk.folds),
                summary=summaries[name],
                mlflow_run=runs.get(name),
            )
            for name, walk in walks.items()
        ]
    )


def choices(board: pl.DataFrame) -> pl.DataFrame:
    """Every choice among experiments that a leaderboard states, with who has which place in it."""
    lists = {
        "leaderboard": board.select("horizon", "experiment"),
        "chosen on validation": board.filter("chosen_on_validation").select("horizon", "experiment"),
        "put up for promotion": put_up(board),
    }
    parts = [
        rows.select(
            choice=pl.format("{} of horizon {}", pl.lit(name), "horizon"),
            place=pl.int_range(pl.len()).over("horizon").cast(pl.Int64),
            experiment="experiment",
        )
        for name, rows in lists.items()
    ]
    return pl.concat(parts)


def report(
    walk: Walk,
    context: dg.AssetExecutionContext,
    frames: Mapping[str, pl.LazyFrame],
    gates: Sequence[str],
    reports: Path,
    data_docs: Path,
) -> pl.DataFrame:
    """Write the page, end the parent run, and return every figure."""
    verdicts = {gate: frames[argument(gate)].collect() for gate in gates}
    require(verdicts, walk.graph.versions(context.instance), context.asset_key.to_user_string(), None)
    folder = reports / walk.experiment.name
    link = os.path.relpath(data_docs / INDEX, folder)
    findings = findings_of(walk, frames, verdicts, link)
    figures = summary(findings)
    folder.mkdir(parents=True, exist_ok=True)
    files = render(findings)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    context.add_output_metadata(
        {
            "report": dg.MetadataValue.url((folder / "report.html").as_uri()),
            "verdict": verdict(figures),
            "question": walk.experiment.question,
            **links(data_docs),
            **{name: shown(files[f"{name}.png"], said) for name, said in PICTURES.items() if f"{name}.png" in files},
        }
    )
    run_id = frames["walk_forward"].collect()["run_id"][0]
    walk.tracking.tag(run_id, verdict_tags(verdicts))
    track_report(walk.tracking, run_id, figures, files)
    return figures


def track_report(tracking: Tracking, run_id: str, figures: pl.DataFrame, files: Mapping[str, bytes]) -> None:
    """Headline figures, verdict and pages of the parent run, which ends here."""
    with tracking.running(run_id):
        known = figures.filter(pl.col("value").is_not_null())
        tracking.log_figures(run_id, {f"{row[0]}.{row[1]}": row[2] for row in known.iter_rows()})
        tracking.client.set_tag(run_id, "verdict", verdict(figures))
        tracking.log_files(run_id, files)


def findings_of(
    walk: Walk, frames: Mapping[str, pl.LazyFrame], verdicts: Mapping[str, pl.DataFrame], data_docs: str
) -> Findings:
    """Everything that the report is made of; `data_docs` is the way from the page to the gate's pages."""
    experiment = walk.experiment
    forecasts = frames["forecasts"].collect()
    bars, universe = frames["bars"].collect(), frames["universe"].collect()
    simulations = {name: traded(experiment, forecasts, bars, universe, name) for name in SEGMENTS}
    return Findings(
        experiment=experiment.name,
        question=experiment.question,
        model=experiment.model.kind,
        horizon=experiment.target.horizon,
        trading=experiment.trading,
        information=frames["information"].collect(),
        by_seed=frames["seed_information"].collect(),
        deciles=frames["deciles"].collect(),
        depth=frames["depth"].collect(),
        capacity=frames["capacity"].collect(),
        market=walk.source.kind,
        simulations=simulations,
        windows=windows_of(walk.folds, frames["calendar"].collect()["session"], experiment.target.horizon),
        rows=rows_of(frames["counts"].collect(), frames["refused"].collect()),
        gate=Gate(
            stages=stages(verdicts),
            data_version=data_version(verdicts),
            evidence=frames["perturbation"].collect(),
            data_docs=data_docs,
        ),
        looks=looks_of(walk, simulations["test"].daily),
    )


def looks_of(walk: Walk, daily: pl.DataFrame) -> Looks:
    """What the ledger tells of the trials beside this one, whose daily returns are stored there first.

    raises  BrokenChainError where a ledger is not whole: what cannot be counted is not reported
    """
    trial, ledger = walk.trial, walk.ledger
    family, elsewhere = scored_family(ledger, walk.tracking, trial, walk.experiment.name, daily)
    openings = [one for one in openings_of(ledger.folder) if one.source == trial.source]
    return Looks(family, elsewhere, holdout_of(walk.source), openings)


def traded(
    experiment: Experiment, forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame, segment: str
) -> Simulation:
    """The portfolio of one segment's seed-averaged forecasts; what the seeds are unsure of together may bar a name."""
    return simulate(told(experiment, forecasts, segment), bars, universe, experiment.trading)


def told(experiment: Experiment, forecasts: pl.DataFrame, segment: str) -> pl.DataFrame:
    """What is traded of one segment: session, security_id, forecast, and the columns of the gates that are set."""
    rows = forecasts.filter(pl.col("segment") == segment)
    chosen = informing.seed_averaged(rows)
    if gates := experiment.trading.gates:
        chosen = chosen.join(ensemble(rows).select(*KEYS, *gates), on=KEYS, how="left", maintain_order="left")
    return chosen.select("session", "security_id", "forecast", *gates)


def rows_of(counts: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Rows read, refused by rule, and kept: what, why, rows."""
    by_rule = refused.group_by("rule").agg(
        why=pl.col("reason").first(), rows=pl.len().cast(pl.Int64), names=pl.col("security_id").n_unique()
    )
    lines = [("read", "", int(counts["rows_raw"].sum()))]
    for rule, why, rows, names in by_rule.sort("rows", descending=True).iter_rows():
        lines.append(("refused", f"{rule} ({names} securities): {why}", rows))
    lines.append(("kept", "", int(counts["rows_kept"].sum())))
    return pl.DataFrame(lines, schema={"what": pl.String, "why": pl.String, "rows": pl.Int64}, orient="row")


def _add_information(walk: Walk, schema: type[Table], name: str, make: Make) -> None:
    horizon = walk.experiment.target.horizon
    walk.graph.add(
        schema,
        lambda context, forecasts, labels: make(
            forecasts.collect(), labels.filter(pl.col("horizon") == horizon).collect(), horizon
        ),
        key=f"{walk.key}/{name}",
        description=schema.__doc__ or "",
        modules=("assets.evaluation.information",),
        inputs=whole({"forecasts": f"{walk.key}/forecasts", "labels": ForwardReturns.asset_key}),
        settings=str(horizon),
        group=walk.experiment.name,
    )


def _add_portfolio(walk: Walk, schema: type[Table], name: str, make: Trade, more: Sequence[str] = ()) -> None:
    experiment = walk.experiment
    walk.graph.add(
        schema,
        lambda context, forecasts, bars, universe: make(
            told(experiment, forecasts.collect(), "test"), bars.collect(), universe.collect(), experiment.trading
        ),
        key=f"{walk.key}/{name}",
        description=schema.__doc__ or "",
        modules=(*MODULES, *more),
        inputs=whole({"forecasts": f"{walk.key}/forecasts", "bars": Bars.asset_key, "universe": Universe.asset_key}),
        settings=experiment.trading.model_dump_json(),
        group=experiment.name,
    )
