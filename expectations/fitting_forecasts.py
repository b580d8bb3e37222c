"""Known forecasts: whether a forecast stands once it is decided, whatever becomes known later, labels above all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import polars as pl

from expectations.decisions import decision_instant
from expectations.evidence import INSTANT
from expectations.fitting_rewrite import CALENDAR, LABELS, UNIVERSE, Frames, rewritten
from expectations.fitting_truth import without_truth
from expectations.forecasts_apart import KEYS, forecasts_apart
from expectations.leakage import Windows

FORECASTS_KNOWN = pl.Schema(
    {
        "experiment": pl.String(),
        "fold": pl.String(),
        "replaced": pl.String(),
        "decided_at": INSTANT,
        "rows_compared": pl.Int64(),
        "rows_changed": pl.Int64(),
        "rows_missing": pl.Int64(),
        "rows_added": pl.Int64(),
        "rows_later_changed": pl.Int64(),
        "first_example": pl.String(),
        "alive": pl.Boolean(),
        "passed": pl.Boolean(),
    }
)
FORECASTS_ALIVE = pl.Schema({"experiment": pl.String(), "fold": pl.String(), "alive": pl.Boolean()})
INSTANTS = 3
LATER, MEMBERS = "sessions after the decision", "nothing: members and forecasts"

Forecast = Callable[[Frames], pl.DataFrame]


def forecasts_known(
    forecast: Forecast, frames: Frames, fold: Windows, experiment: str, hour: int, seed: int = 0
) -> pl.DataFrame:
    """What moved of the forecasts that were decided when later sessions, or the labels of the test, were rewritten.

    forecast  frames of a fold -> session, security_id, segment and forecast, by one saved forecaster
    returns   FORECASTS_KNOWN: one row for each of 3 decisions in the test window, which later forecasts must follow
              (`alive`), one for each way in which the labels of the test are gone, and one that compares the forecasts
              with the members of the universe: who is forecast may not depend on a label
    """
    true = forecast(frames)
    inside = frames[CALENDAR]["session"].is_between(fold.test_start, fold.test_end, closed="left")
    sessions = frames[CALENDAR]["session"].filter(inside).sort().to_list()
    told = {"experiment": experiment, "fold": fold.key}
    rows: list[dict[str, object]] = []
    for number, (last, following) in enumerate(_decisions(sessions)):
        found = forecast(rewritten(frames, following, fold.test_end, hour, seed + number))
        known = pl.col("session") <= last
        row = forecasts_apart(true.filter(known), found.filter(known))
        later = forecasts_apart(true.filter(~known), found.filter(~known))
        moved = sum(int(str(later[name])) for name in ("rows_changed", "rows_missing", "rows_added"))
        row |= {"replaced": LATER, "decided_at": decision_instant(last, hour), "rows_later_changed": moved}
        rows.append(told | row | {"alive": moved > 0})
    truths = without_truth(frames[LABELS], fold.test_start, fold.test_end, seed)
    # A choice, as of a sign, may stand by luck under a random truth; not under one that speaks for it, and against it.
    truths |= {word: _of_forecasts(frames[LABELS], true, sign) for word, sign in (("agreeing", 1), ("opposed", -1))}
    for kind, labels in truths.items():
        row = _with_truth(forecast, {**frames, LABELS: labels}, true)
        rows.append(told | row | {"replaced": f"labels of the test {kind}", "alive": None})
    tested = true.filter(pl.col("segment") == "test")
    rows.append(told | _of_members(frames, tested, sessions) | {"replaced": MEMBERS, "alive": None})
    return pl.DataFrame(rows, schema=FORECASTS_KNOWN)


def _with_truth(forecast: Forecast, frames: Frames, true: pl.DataFrame) -> dict[str, object]:
    """What moved under other labels of the test; what cannot forecast with them needs them, and fails."""
    try:
        return forecasts_apart(true, forecast(frames))
    except Exception as error:
        counts = dict.fromkeys(("rows_compared", "rows_changed", "rows_added"), 0) | {"rows_missing": true.height}
        return {**counts, "first_example": f"no forecasts: {type(error).__name__}: {error}", "passed": False}


def _of_forecasts(labels: pl.DataFrame, true: pl.DataFrame, sign: int) -> pl.DataFrame:
    """The labels with returns of the test that are in the order of the forecasts, or in the opposite one."""
    order = pl.col("forecast").rank().over("session") / pl.len().over("session") - 0.5
    tested = true.filter(pl.col("segment") == "test").select(*KEYS, _order=order)
    joined = labels.join(tested, on=KEYS, how="left", maintain_order="left")
    is_told = pl.col("_order").is_not_null() & pl.col("forward_return").is_not_null()
    return joined.with_columns(
        forward_return=pl.when(is_told).then(sign * 0.1 * pl.col("_order")).otherwise("forward_return")
    ).drop("_order")


def followed(evidence: pl.DataFrame) -> pl.DataFrame:
    """By experiment and fold, whether later forecasts followed the later sessions after every decision."""
    asked = pl.col("alive").drop_nulls()
    return evidence.group_by("experiment", "fold", maintain_order=True).agg(alive=asked.all() & (asked.len() > 0))


def _decisions(sessions: Sequence[date]) -> list[tuple[date, date]]:
    """Some sessions of the test window, the first one among them, each with the one that follows it."""
    if len(sessions) < 2:
        return []
    places = np.unique(np.linspace(0, len(sessions) - 2, INSTANTS).astype(int))
    return [(sessions[place], sessions[place + 1]) for place in places]


def _of_members(frames: Frames, tested: pl.DataFrame, sessions: Sequence[date]) -> dict[str, object]:
    """Forecasts of the test window beside the members of its sessions."""
    members = frames[UNIVERSE].filter(pl.col("is_member"), pl.col("session").is_in(list(sessions))).select(KEYS)
    return forecasts_apart(members, tested.select(KEYS))
