"""Cleaning effect: what a fast model would have shown without each cleaning rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import dataframely as dy
import polars as pl
from pydantic import BaseModel, ConfigDict

from assets.cleaning.rules import RULES, without
from assets.cleaning.rules.rule import Mark, Rule
from assets.cleaning.undo import Cleaning, clean
from assets.cleaning.universe import members
from assets.evaluation.information import daily, information, on_common_names, seed_averaged
from assets.evaluation.intervals import SESSIONS_PER_YEAR, Interval, interval, paired
from assets.evaluation.portfolio import simulate
from assets.evaluation.trading import TradingSpec
from assets.features.price_volume import price_volume
from assets.folds.walk_forward import Fold, WalkForwardSpec, folds, segments
from assets.targets.forward_returns import forward_returns
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import build_panel
from assets.training.spec import TrainingSpec
from expectations.decisions import DECIDED_HOUR
from expectations.tables import Table
from models.linear import LinearSpec
from models.losses import MeanSquaredSpec

KEY = ("session", "security_id")
PRICES = ("open", "high", "low", "close")
Frames = Mapping[str, pl.DataFrame]


class EffectSpec(BaseModel):
    """The fast model that rules are left out for: ridge on fourteen figures of price and volume, walked forward."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    walk_forward: WalkForwardSpec
    trading: TradingSpec = TradingSpec(top_k=20)
    horizon: int = 5
    decided_hour: int = DECIDED_HOUR
    model: LinearSpec = LinearSpec()


class CleaningEffect(Table):
    """What a fast model shows when one rule is turned about: a rule that acts is left out, a flag is made to mask.

    A change is what that shows less what it shows under all rules, paired by session, with its 95% interval.
    """

    asset_key = "evaluation/cleaning_effect"

    rule = dy.String(primary_key=True, metadata={"definition": "'(all rules)' for what is compared with"})
    action = dy.String(nullable=True, metadata={"definition": "what the rule does"})
    turned = dy.String(metadata={"definition": "left out, made to mask, or nothing where the rule touched no row"})
    rows_touched = dy.Int64(min=0)
    members = dy.Int64(min=0, metadata={"definition": "bars that may be forecast and chosen"})
    members_change = dy.Int64()
    rank_ic = dy.Float64(nullable=True, metadata={"definition": "mean out-of-sample RankIC over its own members"})
    rank_ic_change = dy.Float64(nullable=True)
    rank_ic_change_lower = dy.Float64(nullable=True)
    rank_ic_change_upper = dy.Float64(nullable=True)
    rank_ic_change_common = dy.Float64(
        nullable=True, metadata={"definition": "the same over the names that both forecast: what training gained"}
    )
    excess_return_annual = dy.Float64(
        nullable=True, metadata={"unit": "simple return a year", "definition": "net of costs, less its own universe"}
    )
    excess_change = dy.Float64(nullable=True)
    excess_change_lower = dy.Float64(nullable=True)
    excess_change_upper = dy.Float64(nullable=True)
    note = dy.String(nullable=True, metadata={"definition": "why there is no figure"})


@dataclass(frozen=True)
class Walked:
    """A fast model walked forward under some rules: its forecasts, the returns, and what each session showed."""

    forecasts: pl.DataFrame
    returns: pl.DataFrame
    rank_ic: pl.DataFrame
    excess: pl.DataFrame


def cleaning_effect(
    raw: Frames,
    spec: EffectSpec,
    first: date,
    last: date,
    rules: Sequence[Rule] = RULES,
    on_rule: Callable[[str], None] = lambda _: None,
) -> pl.DataFrame:
    """The `CleaningEffect` of every rule, first the line '(all rules)'.

    raw          raw tables by key: raw/bars, and facts where there are any
    first, last  declared span of the source, which decides the folds
    on_rule      told each rule before it is turned about
    raises       ValueError when the span holds no fold
    """
    base = clean(raw, rules)
    windows = folds(spec.walk_forward, first, last)
    labels = forward_returns(base.bars.lazy(), base.calendar.lazy()).collect()
    features = price_volume(base.bars.lazy(), base.calendar.lazy()).collect()
    shown = _walk(base, features, labels, spec, windows)
    touched = dict(base.ledger.group_by("rule").len().iter_rows())
    rows = [_line("(all rules)", None, "nothing", base, base, shown, shown, spec)]
    for rule in rules:
        on_rule(rule.name)
        rows.append(_turned_about(raw, rule, base, shown, (features, labels), spec, windows, touched.get(rule.name, 0)))
    return CleaningEffect.validate(pl.DataFrame(rows, infer_schema_length=None), cast=True)


def _turned_about(
    raw: Frames,
    rule: Rule,
    base: Cleaning,
    shown: Walked,
    tables: tuple[pl.DataFrame, pl.DataFrame],
    spec: EffectSpec,
    windows: Sequence[Fold],
    touched: int,
) -> dict[str, object]:
    if not touched:
        return _line(rule.name, rule.action, "nothing", base, base, shown, shown, spec)
    if isinstance(rule, Mark):
        other, turned = _with_other_marks(base, rule)
        walked = _walk(other, *tables, spec, windows)
    else:
        other, turned = clean(raw, without([rule.name], base.rules)), "left out"
        if note := unusable(other.bars):
            return _line(rule.name, rule.action, turned, base, other, shown, None, spec, touched, note)
        features = price_volume(other.bars.lazy(), other.calendar.lazy()).collect()
        labels = forward_returns(other.bars.lazy(), other.calendar.lazy()).collect()
        walked = _walk(other, features, labels, spec, windows)
    return _line(rule.name, rule.action, turned, base, other, shown, walked, spec, touched)


def _with_other_marks(base: Cleaning, rule: Mark) -> tuple[Cleaning, str]:
    """The same bars without the marks of a rule that masks, or with those of one that flags as masks."""
    mine = pl.col("rule") == rule.name
    if rule.action == "masked":
        marks, turned = base.marks.filter(~mine), "left out"
    else:
        action = pl.when(mine).then(pl.lit("masked")).otherwise(pl.col("action"))
        marks, turned = base.marks.with_columns(action=action), "made to mask"
    universe = members(base.bars.lazy(), marks.lazy()).collect()
    return replace(base, marks=marks, universe=universe), turned


def unusable(bars: pl.DataFrame) -> str | None:
    """Why a model cannot read these bars, None where it can."""
    keyless = bars.select(pl.any_horizontal(pl.col(KEY).is_null()).sum()).item()
    repeated = int(bars.select(KEY).is_duplicated().sum())
    if keyless or repeated:
        return f"without it {keyless} bars have no key and {repeated} share theirs, which no model can read"
    priced = pl.all_horizontal((pl.col(name) > 0) & pl.col(name).is_finite() for name in (*PRICES, "vwap"))
    wrong = bars.filter(~pl.col("is_suspended").fill_null(False) & ~priced.fill_null(False)).height
    if wrong:
        return f"without it {wrong} traded bars have a price or a VWAP that is no positive number"
    return None


def _walk(
    cleaning: Cleaning, features: pl.DataFrame, labels: pl.DataFrame, spec: EffectSpec, windows: Sequence[Fold]
) -> Walked:
    found = pl.concat(_fold_forecasts(cleaning, features, labels, spec, windows))
    test = found.filter(pl.col("segment") == "test")
    days = daily(information(found, labels, spec.horizon), "test")
    chosen = seed_averaged(test).select("session", "security_id", "forecast")
    traded = simulate(chosen, cleaning.bars, cleaning.universe, spec.trading)
    return Walked(test, labels, days, traded.daily)


def _fold_forecasts(
    cleaning: Cleaning, features: pl.DataFrame, labels: pl.DataFrame, spec: EffectSpec, windows: Sequence[Fold]
) -> Iterator[pl.DataFrame]:
    training = TrainingSpec(seeds=1)
    for fold in windows:
        inside = pl.col("session").is_between(fold.train_start, fold.test_end, closed="left")
        panel = build_panel(
            {"price_volume": features.filter(inside)},
            set(),
            segments(labels.filter(inside, pl.col("horizon") == spec.horizon), fold, spec.decided_hour),
            cleaning.universe.filter(inside),
            cleaning.calendar.filter(inside)["session"],
        )
        fitted = fit(panel, spec.model, MeanSquaredSpec(), training, 0, lambda _: None)
        yield forecasts(panel, fitted.forecaster, 0, fold.key, spec.decided_hour)


def _line(
    rule: str,
    action: str | None,
    turned: str,
    base: Cleaning,
    other: Cleaning,
    shown: Walked,
    walked: Walked | None,
    spec: EffectSpec,
    touched: int = 0,
    note: str | None = None,
) -> dict[str, object]:
    members = int(other.universe["is_member"].sum())
    line: dict[str, object] = {
        "rule": rule,
        "action": action,
        "turned": turned,
        "rows_touched": touched,
        "members": members,
        "members_change": members - int(base.universe["is_member"].sum()),
        "note": note,
    }
    return line | (_figures(shown, walked, spec) if walked else dict.fromkeys(FIGURES))


FIGURES = (
    "rank_ic",
    "rank_ic_change",
    "rank_ic_change_lower",
    "rank_ic_change_upper",
    "rank_ic_change_common",
    "excess_return_annual",
    "excess_change",
    "excess_change_lower",
    "excess_change_upper",
)


def _figures(shown: Walked, walked: Walked, spec: EffectSpec) -> dict[str, object]:
    here, there = on_common_names(walked.forecasts, shown.forecasts)
    pair = [daily(information(told, shown.returns, spec.horizon), "test") for told in (here, there)]
    change = paired(walked.rank_ic, shown.rank_ic, "rank_ic", spec.horizon)
    excess = paired(walked.excess, shown.excess, "excess_return", spec.trading.hold_sessions).times(SESSIONS_PER_YEAR)
    return {
        "rank_ic": interval(walked.rank_ic["rank_ic"], spec.horizon).mean,
        **_bounded("rank_ic_change", change),
        "rank_ic_change_common": paired(pair[0], pair[1], "rank_ic", spec.horizon).mean,
        "excess_return_annual": interval(walked.excess["excess_return"], spec.trading.hold_sessions).mean
        * SESSIONS_PER_YEAR,
        **_bounded("excess_change", excess),
    }


def _bounded(name: str, found: Interval) -> dict[str, float]:
    return {name: found.mean, f"{name}_lower": found.lower, f"{name}_upper": found.upper}
