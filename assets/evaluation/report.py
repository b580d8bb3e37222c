"""Report: the verdict on one experiment for a reader, as a table of figures and as one page with its pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape

import dataframely as dy
import polars as pl

from assets.evaluation import depth_section, earned_section, gate_pictures, pictures, portfolio
from assets.evaluation import information as informing
from assets.evaluation.capacity import Capacity
from assets.evaluation.depth import Depth
from assets.evaluation.gate_section import Gate, gate_header
from assets.evaluation.intervals import Interval, interval
from assets.evaluation.known_worlds import told_of
from assets.evaluation.luck_section import luck_section
from assets.evaluation.page import page, pictured, section, table, words
from assets.evaluation.plain_words import does_not_show, glossary, in_short
from assets.evaluation.report_numbers import bounded_text, shown
from assets.evaluation.trading import TradingSpec
from assets.evaluation.trials_section import Looks, trials_header, trials_section
from assets.folds.walk_forward import Fold
from expectations.tables import Table

SEGMENTS = ("test", "valid")
SEGMENT_NAMES = {"test": "out of sample", "valid": "validation"}
HEADLINE = {
    "rank_ic": "RankIC",
    "rank_ic_known": "RankIC, all names",
    "ic": "IC",
    "rank_ic_seed_lowest": "RankIC, lowest seed",
    "rank_ic_seed_highest": "RankIC, highest seed",
    "icir": "ICIR, daily",
    "hit_rate": "Hit rate",
    "decile_spread": "Decile spread",
    "excess_return_annual": "Excess return a year",
    "selection_return_annual": "Gain of the choice a year",
    "net_return_annual": "Return a year",
    "benchmark_return_annual": "Universe a year",
    "costs_annual": "Costs a year",
    "lost_to_limits_annual": "Lost to price limits a year",
    "lost_to_volume_annual": "Lost to the volume cap a year",
    "lost_to_impact_annual": "Lost to impact a year",
    "max_drawdown": "Deepest fall",
    "turnover": "Turnover a session",
    "orders_refused": "Orders refused",
}
CAPTIONS = {
    "fold_timeline": "Train, purged, validation and test windows of each fold",
    "evidence_by_asset": "Tables and decisions after which the future was rewritten, and what changed in the past",
    "cumulative_rank_ic": "Cumulative RankIC over the test sessions",
    "rank_ic_by_fold": "RankIC of each fold with its interval and each seed",
    "deciles": "Return of each tenth of the names",
}
METHOD = (
    "Brackets hold 95% intervals of the daily series of the seed-averaged forecast: Bartlett long-run variance with a "
    "lag of at least three horizons, fixed-b critical values. The spread over seeds stands apart. Models and settings "
    "are chosen on validation; several looks at one test window are several trials."
)
TESTED = (
    "Below, one line a fold: the model learns on train, is chosen on validation, and is judged once on test. Sessions "
    "whose labels reach into the next window are purged. Before any training a gate rewrote the future of the data and "
    "asked whether anything stored of the past had changed."
)
TOLD = (
    "Each session the names are ranked by forecast, and the ranks are held against what came. A cumulative line that "
    "rises steadily is a steady forecast; one jump would be luck. Each fold stands for itself, each dot is the model "
    "trained again from another start. The tenths should rise from left to right."
)


class Summary(Table):
    """Every figure of an experiment, by segment, with its 95% interval where it has one."""

    segment = dy.String(primary_key=True, metadata={"definition": "test or valid"})
    metric = dy.String(primary_key=True)
    value = dy.Float64(nullable=True)
    lower = dy.Float64(nullable=True)
    upper = dy.Float64(nullable=True)
    unit = dy.String()
    definition = dy.String()


@dataclass(frozen=True)
class Findings:
    """What a report is made of.

    information, by_seed, deciles  tables of `information`
    simulations                    `portfolio.simulate` by segment
    windows                        fold, segment (train, purge, valid, test), first, last: see `windows_of`
    rows                           what (read, refused, kept), why, rows: what the cleaning did, in its order
    gate                           the gate's verdicts, see `gate_section`
    depth, capacity                the tables `depth.Depth` and `capacity.Capacity`
    market                         kind of the source
    looks                          the trials of its family and the holdout, see `trials_section`
    """

    experiment: str
    question: str
    model: str
    horizon: int
    trading: TradingSpec
    information: pl.DataFrame
    by_seed: pl.DataFrame
    deciles: pl.DataFrame
    simulations: Mapping[str, portfolio.Simulation]
    windows: pl.DataFrame
    rows: pl.DataFrame
    gate: Gate
    looks: Looks
    depth: pl.DataFrame = field(default_factory=Depth.create_empty)
    capacity: pl.DataFrame = field(default_factory=Capacity.create_empty)
    market: str = ""


def summary(findings: Findings) -> pl.DataFrame:
    """The `Summary` table: the figures of the forecasts and of the portfolio, for test and validation."""
    told = findings.information["segment"].unique()
    lines = []
    for segment in [name for name in SEGMENTS if name in told]:
        found = informing.figures(findings.information, findings.by_seed, findings.horizon, segment)
        if segment in findings.simulations:
            found += portfolio.figures(findings.simulations[segment], findings.trading)
        lines += [{"segment": segment, **asdict(figure)} for figure in found]
    frame = pl.DataFrame(lines).with_columns(pl.col("value", "lower", "upper").fill_nan(None))
    return Summary.validate(frame)


def verdict(figures: pl.DataFrame, segment: str = "test") -> str:
    """One sentence on RankIC: 'RankIC .041 [.030, .052] over 484 sessions: above 0'."""
    rank_ic, sessions = _of(figures, segment, "rank_ic"), _of(figures, segment, "sessions").mean
    count = 0 if math.isnan(sessions) else int(sessions)
    if math.isnan(rank_ic.mean):
        return f"No RankIC: none of the {segment} sessions has one yet"
    return f"RankIC {bounded(rank_ic, 'correlation')} over {count} sessions: {rank_ic.verdict()}"


def trading_verdict(figures: pl.DataFrame, segment: str = "test") -> str:
    """One sentence on the return in excess of the equal-weight universe, after costs; empty without a simulation."""
    excess = _of(figures, segment, "excess_return_annual")
    if math.isnan(excess.mean):
        return ""
    return f"Excess return after costs {bounded(excess, 'simple return a year')} a year: {excess.verdict()}"


def windows_of(folds: Sequence[Fold], sessions: pl.Series, horizon: int) -> pl.DataFrame:
    """Windows of each fold, with the last `horizon` sessions of train and of valid purged, as their labels reach out.

    A name that cannot be sold in time is purged for longer; the picture shows what holds for all.
    returns  fold, segment (train, purge, valid, test), first, last, sessions
    """
    lines = []
    for fold in folds:
        edges = [("train", fold.train_start), ("valid", fold.valid_start), ("test", fold.test_start)]
        ends = [fold.valid_start, fold.test_start, fold.test_end]
        for (segment, start), end in zip(edges, ends, strict=True):
            inside = sessions.filter(sessions.is_between(start, end, closed="left")).sort()
            kept = inside if segment == "test" else inside[:-horizon]
            parts = [(segment, kept), ("purge", inside[len(kept) :])]
            lines += [(fold.key, name, part[0], part[-1], len(part)) for name, part in parts if len(part)]
    return pl.DataFrame(lines, schema=["fold", "segment", "first", "last", "sessions"], orient="row")


def by_fold(information: pl.DataFrame, segment: str, horizon: int) -> pl.DataFrame:
    """RankIC of each fold: fold, mean, lower, upper, sessions; null bounds where a fold is too short."""
    rows = []
    for (fold,), days in information.filter(pl.col("segment") == segment).group_by("fold"):
        found = interval(days.sort("session")["rank_ic"], horizon)
        rows.append((fold, found.mean, found.lower, found.upper, found.n))
    schema = {"fold": pl.String, "mean": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "sessions": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None).sort("fold")


def decile_means(deciles: pl.DataFrame, segment: str, horizon: int) -> pl.DataFrame:
    """Mean excess return of each tenth: decile, mean, lower, upper."""
    rows = []
    for (decile,), days in deciles.filter(pl.col("segment") == segment).group_by("decile"):
        found = interval(days.sort("session")["excess_return"], horizon)
        rows.append((decile, found.mean, found.lower, found.upper))
    schema = {"decile": pl.Int32, "mean": pl.Float64, "lower": pl.Float64, "upper": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("decile")


def bounded(found: Interval, unit: str) -> str:
    """A value with its bounds in the manner of its unit: '.041 [.030, .052]', '+3.10% [-1.20%, +7.40%]'."""
    return bounded_text(found.mean, found.lower, found.upper, unit)


def render(findings: Findings) -> dict[str, bytes]:
    """File name -> content: each picture as PNG, and `report.html`, one page that needs no other file."""
    figures = summary(findings)
    drawn = _drawn(findings, figures.filter(segment="test"))
    page = _page(findings, figures, drawn)
    return {**{f"{name}.png": picture for name, picture in drawn.items()}, "report.html": page.encode()}


def _drawn(findings: Findings, figures: pl.DataFrame) -> dict[str, bytes]:
    horizon, seeds = findings.horizon, findings.by_seed.filter(pl.col("segment") == "test")
    days = informing.daily(findings.information, "test")
    drawn = {"fold_timeline": gate_pictures.fold_timeline(findings.windows)}
    if findings.gate.evidence.height:
        drawn["evidence_by_asset"] = gate_pictures.evidence_by_asset(findings.gate.evidence)
    if days["rank_ic"].count():
        folds = by_fold(findings.information, "test", horizon)
        drawn["cumulative_rank_ic"] = pictures.cumulative_rank_ic(days)
        drawn["rank_ic_by_fold"] = pictures.rank_ic_by_fold(folds, seeds)
    if len(means := decile_means(findings.deciles, "test", horizon)):
        drawn["deciles"] = pictures.decile_bars(means, horizon)
    earned = earned_section.drawn(findings.simulations.get("test"), figures, findings.capacity)
    return {**drawn, **earned, **depth_section.drawn(findings.depth)}


def _page(findings: Findings, figures: pl.DataFrame, drawn: Mapping[str, bytes]) -> str:
    told = [pictured(name, drawn, CAPTIONS) for name in ("cumulative_rank_ic", "rank_ic_by_fold", "deciles")]
    checked = [pictured(name, drawn, CAPTIONS) for name in ("fold_timeline", "evidence_by_asset")]
    short = in_short(findings.depth, findings.windows, findings.horizon, findings.market)
    unshown = does_not_show(findings.depth, bool(findings.simulations))
    folded = f"<details><summary>{len(figures)} figures</summary>{_every(figures)}</details>"
    blocks = [
        _header(findings, figures),
        section("In short", *_sentences(short)),
        section("How it was tested", words(TESTED), *checked),
        section("Headline figures", _headline(figures), _known_worlds(findings.model)),
        section("What the forecasts tell", *([words(TOLD)] if any(told) else []), *told),
        *depth_section.told(findings.depth, drawn),
        *earned_section.told(findings.trading, findings.depth, findings.capacity, drawn),
        depth_section.sure(findings.depth, drawn),
        section("Could it be luck?", luck_section(findings.looks.family), trials_section(findings.looks)),
        section("What this does not show", *_sentences(unshown)),
        section("Rows of data", table(findings.rows, numbers=("rows",))),
        section("Every figure", folded, depth_section.every(findings.depth)),
        section("Words", _explained(glossary(findings.depth, bool(findings.simulations)))),
        f"<footer>{METHOD}</footer>",
    ]
    return page(findings.experiment, blocks)


def _sentences(sentences: Iterable[str]) -> list[str]:
    return [words(sentence) for sentence in sentences]


def _explained(words: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(word)}<dd>{escape(text)}' for word, text in words.items())}</dl>"


def _header(findings: Findings, figures: pl.DataFrame) -> str:
    said = [sentence for sentence in (verdict(figures), trading_verdict(figures)) if sentence]
    return (
        f"<header><p class=kicker>{escape(findings.experiment)} &middot; {escape(findings.model)} &middot; "
        f"{findings.horizon} sessions ahead</p><h1>{escape(findings.question)}</h1>"
        f"{''.join(f'<p class=verdict>{escape(sentence)}</p>' for sentence in said)}"
        f"{gate_header(findings.gate)}{trials_header(findings.looks)}</header>"
    )


def _known_worlds(model: str) -> str:
    """What the same kind of model showed where the truth is known."""
    return f"<p class=worlds>{escape(told_of(model))}</p>"


def _headline(figures: pl.DataFrame) -> str:
    found = [name for name in HEADLINE if name in set(figures["metric"])]
    present = [segment for segment in SEGMENTS if segment in set(figures["segment"])]
    lines = []
    for metric in found:
        first = figures.filter(pl.col("metric") == metric).row(0, named=True)
        cells = [bounded(_of(figures, segment, metric), first["unit"]) for segment in present]
        lines.append((HEADLINE[metric], *cells, first["definition"]))
    columns = ["figure", *(SEGMENT_NAMES[segment] for segment in present), "definition"]
    return table(pl.DataFrame(lines, schema=columns, orient="row"), numbers=tuple(columns[1:-1]))


def _every(figures: pl.DataFrame) -> str:
    lines = []
    for segment, metric, value, lower, upper, unit, definition in figures.iter_rows():
        lines.append((segment, metric, *(shown(number, unit) for number in (value, lower, upper)), unit, definition))
    return table(pl.DataFrame(lines, schema=figures.columns, orient="row"), numbers=("value", "lower", "upper"))


def _of(figures: pl.DataFrame, segment: str, metric: str) -> Interval:
    rows = figures.filter((pl.col("segment") == segment) & (pl.col("metric") == metric))
    value, lower, upper = (rows[name].to_list()[0] if len(rows) else None for name in ("value", "lower", "upper"))
    mean, low, high = (math.nan if number is None else number for number in (value, lower, upper))
    return Interval(mean, low, high, t=math.nan, lag=0, n=0)
