"""Policy events: the measures on the industry of a security, how recent, many and new they are, and their direction."""
# N industries, T sessions, S securities, E rows of events

from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import EVERYTHING_BEFORE, holding_join
from assets.features.ages import NEVER, ages, arrivals
from assets.features.decay import decay
from assets.features.policy_wording import tones
from assets.features.price_window import STALE_AFTER, log_returns
from assets.table import table
from assets.wide import grid_of, spread
from expectations.decisions import decided_at
from expectations.fact_tables import Industries
from expectations.fact_tables import PolicyEvents as Measures
from expectations.tables import Bars, Calendar, Keyed

Wide = NDArray[np.float64]
Whole = NDArray[np.int64]
HALF_LIVES = (5, 20)
FADED = 120
"""Sessions after which a measure no longer counts for an intensity: six of the longer half-lives."""
NEW_AFTER = 250
RECENT = 60
RESPONSE = 20
LOOK_BACK = NEW_AFTER + RECENT
BARS_BACK = RESPONSE + STALE_AFTER + 1


def counted(definition: str, unit: str) -> dy.Float64:
    """A column about the measures on an industry; null where the industry of the security is not known."""
    return dy.Float64(nullable=True, metadata={"definition": definition, "unit": unit})


class PolicyEvents(Keyed):
    """The measures on the industry that a security is known to have; windows hold the session of the decision.

    A measure counts from the first session whose decision knows of it. What the first session of the market already
    knows has no age and counts nowhere. The direction of a measure is that of its title (`policy_wording.csv`).
    """

    asset_key: ClassVar[str] = "features/policy_events"
    is_sequence: ClassVar[bool] = False

    policy_age_sessions = counted(
        "sessions since the last measure, 0 in the first that knew; null from 250", "sessions"
    )
    policy_events_5d = counted("measures of the last 5 sessions", "measures")
    policy_events_20d = counted("measures of the last 20 sessions", "measures")
    policy_events_60d = counted("measures of the last 60 sessions", "measures")
    policy_themes_60d = counted("different themes among the measures of the last 60 sessions", "themes")
    policy_intensity_half_life_5d = counted("measures of the last 120 sessions, halved every 5 since", "measures")
    policy_intensity_half_life_20d = counted("measures of the last 120 sessions, halved every 20 since", "measures")
    policy_tone_half_life_5d = counted(
        "supportive less restrictive measures of the last 120 sessions, halved every 5 since", "measures"
    )
    policy_tone_half_life_20d = counted(
        "supportive less restrictive measures of the last 120 sessions, halved every 20 since", "measures"
    )
    policy_focus_half_life_20d = counted(
        "supportive less restrictive measures, each over the number of industries that it touches, halved every 20",
        "measures",
    )
    policy_breadth_20d = counted("industries that a measure of the last 20 sessions touches, mean", "industries")
    policy_novelty_sessions = counted(
        "sessions from the measure before on its theme to the last one, at most 250; null 60 sessions after", "sessions"
    )
    policy_response_20d = counted(
        "mean log return of the industry less that of the market since the last measure; null 20 sessions after",
        "log ratio",
    )


@table(
    look_back={
        "policy_events": EVERYTHING_BEFORE, "industries": EVERYTHING_BEFORE, "bars": BARS_BACK, "calendar": LOOK_BACK,
    }
)  # fmt: skip
def policy_events(
    policy_events: dy.LazyFrame[Measures],
    industries: dy.LazyFrame[Industries],
    bars: dy.LazyFrame[Bars],
    calendar: dy.LazyFrame[Calendar],
) -> dy.LazyFrame[PolicyEvents]:
    """One row per traded bar: what is known of the measures on its industry, as both are known at the decision.

    Everything is worked out once for an industry and session. Windows are summed by themselves, the earliest first. No
    measure in a window is 0; a security whose industry is not known has nulls, and so has an age, a breadth or a
    response without a measure.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    rows = _rows(bars, industries)
    names = rows["industry"].drop_nulls().unique().sort()
    told = _events(policy_events, sessions, names)
    shape = len(names), len(sessions)
    last_NT = _last(told, shape)
    age_NT = ages(np.broadcast_to(np.arange(shape[1]), shape), last_NT, NEW_AFTER)
    columns = {
        "policy_age_sessions": np.where(age_NT >= 0, age_NT, np.nan),
        **_counts(told, shape),
        **_intensities(told, shape),
        "policy_novelty_sessions": _at_last(_novelty(told, shape), last_NT, (age_NT >= 0) & (age_NT < RECENT)),
        "policy_response_20d": _since(_excess(rows, sessions, names), age_NT),
    }
    return PolicyEvents.cast(_gathered(rows, columns, sessions, names).lazy())


def _rows(bars: pl.LazyFrame, industries: pl.LazyFrame) -> pl.DataFrame:
    """Traded bars in order with `industry`, as known at the decision; null where it is not."""
    traded = bars.filter(~pl.col("is_suspended")).select("session", "security_id", "close", "adj_factor")
    rows = traded.sort("session", "security_id").with_columns(decided_at=decided_at(pl.col("session")))
    changes = industries.select("security_id", "industry", "holds", "available_at")
    asked = rows.select("session", "security_id", "decided_at")
    held = holding_join(asked, changes, ("security_id", "industry"), on=("security_id",))
    known = held.select("session", "security_id", "industry")
    return rows.join(known, on=["session", "security_id"], how="left", maintain_order="left").collect()


def _events(measures: pl.LazyFrame, sessions: pl.Series, names: pl.Series) -> pl.DataFrame:
    """The measures on these industries that arrive within the calendar, in time order.

    returns  place and industry (whole numbers), tone (-1, 0, 1), breadth, and the places at which the same theme came
             to the same industry before and after (-1 where not, or not within the calendar)
    """
    rows = measures.sort("available_at", "event_id", "industry").collect()
    whose, place = ("industry", "theme"), pl.col("place")
    rows = rows.with_columns(
        tones(rows),
        breadth=pl.col("available_at").rank("max").over("event_id"),
        place=pl.Series(arrivals(rows["available_at"], sessions), dtype=pl.Int64),
    ).with_columns(
        before=place.shift(1).over(whose).fill_null(NEVER),
        after=place.shift(-1).over(whose).fill_null(NEVER),  # looks ahead: from then on the next one counts instead
    )
    inside = rows.filter(place.is_between(0, len(sessions) - 1), pl.col("industry").is_in(names.implode()))
    numbers = pl.Series("industry", names.search_sorted(inside["industry"]))
    columns = ("place", "industry", "tone", "breadth", "before", "after")
    return inside.with_columns(numbers).select(pl.col(columns).cast(pl.Int64))


def _at(told: pl.DataFrame) -> tuple[Whole, Whole]:
    return told["industry"].to_numpy(), told["place"].to_numpy()


def _laid(told: pl.DataFrame, values_E: Wide | Whole, shape: tuple[int, int]) -> Wide:
    """Sum of values by the industry and session in which their measures arrive, [N, T], in time order."""
    laid_NT = np.zeros(shape)
    np.add.at(laid_NT, _at(told), values_E)
    return laid_NT


def _last(told: pl.DataFrame, shape: tuple[int, int]) -> Whole:
    """Place of the last measure up to each session, [N, T]; -1 where there is none."""
    places_NT = np.full(shape, NEVER, dtype=np.int64)
    places_NT[_at(told)] = told["place"].to_numpy()
    last_NT: Whole = np.maximum.accumulate(places_NT, axis=1)
    return last_NT


def _counts(told: pl.DataFrame, shape: tuple[int, int]) -> dict[str, Wide]:
    ones_NT = _laid(told, np.ones(len(told)), shape)
    breadth_NT = _laid(told, told["breadth"].to_numpy(), shape)
    events = {window: _weighted(ones_NT, np.ones(window)) for window in (5, 20, RECENT)}
    return {
        **{f"policy_events_{window}d": events[window] for window in events},
        "policy_themes_60d": _themes(told, shape),
        "policy_breadth_20d": _weighted(breadth_NT, np.ones(20)) / np.where(events[20] > 0, events[20], np.nan),
    }


def _themes(told: pl.DataFrame, shape: tuple[int, int]) -> Wide:
    """Different themes of the last 60 sessions: each measure counts until it is old, or its theme comes again."""
    rows, places = _at(told)
    after = told["after"].to_numpy()
    until = np.minimum(places + RECENT, np.where(after < 0, shape[1], after))
    steps_NT = np.zeros((shape[0], shape[1] + 1))
    np.add.at(steps_NT, (rows, places), 1.0)
    np.add.at(steps_NT, (rows, np.minimum(until, shape[1])), -1.0)
    # Running sums of whole numbers are exact.
    return np.cumsum(steps_NT, axis=1)[:, :-1]


def _intensities(told: pl.DataFrame, shape: tuple[int, int]) -> dict[str, Wide]:
    tone_E, breadth_E = told["tone"].to_numpy(), told["breadth"].to_numpy()
    ones_NT, tone_NT = _laid(told, np.ones(len(told)), shape), _laid(told, tone_E, shape)
    found = {}
    for half_life in HALF_LIVES:
        weights = decay(half_life, FADED)
        found[f"policy_intensity_half_life_{half_life}d"] = _weighted(ones_NT, weights)
        found[f"policy_tone_half_life_{half_life}d"] = _weighted(tone_NT, weights)
    focus_NT = _laid(told, tone_E / breadth_E, shape)
    return {**found, "policy_focus_half_life_20d": _weighted(focus_NT, decay(20, FADED))}


def _weighted(values_NT: Wide, weights: Wide) -> Wide:
    """Sum over the sessions up to each, each by the weight of its age, [N, T]; the earliest is added first."""
    total_NT = np.zeros_like(values_NT)
    for age in range(min(len(weights), values_NT.shape[1]) - 1, -1, -1):
        total_NT[:, age:] += weights[age] * values_NT[:, : values_NT.shape[1] - age]
    return total_NT


def _novelty(told: pl.DataFrame, shape: tuple[int, int]) -> Wide:
    """Sessions since the theme before, where a measure arrives, [N, T]; of several the last one.

    NaN where none came before and the calendar begins too late to say since when.
    """
    place_E, before_E = told["place"].to_numpy(), told["before"].to_numpy()
    none_E = np.where(place_E >= NEW_AFTER, float(NEW_AFTER), np.nan)
    novelty_NT = np.full(shape, np.nan)
    novelty_NT[_at(told)] = np.where(before_E < 0, none_E, np.minimum(place_E - before_E, NEW_AFTER))
    return novelty_NT


def _at_last(values_NT: Wide, last_NT: Whole, where_NT: NDArray[np.bool_]) -> Wide:
    """The value of the last measure, [N, T], where asked for."""
    return np.where(where_NT, np.take_along_axis(values_NT, np.maximum(last_NT, 0), axis=1), np.nan)


def _excess(rows: pl.DataFrame, sessions: pl.Series, names: pl.Series) -> Wide:
    """Mean log return of each industry less that of the market, [N, T]; NaN where none of it traded."""
    grid = grid_of(rows, sessions)
    wide = spread(rows.with_columns(price=pl.col("close") * pl.col("adj_factor")), grid, ["price"])
    securities, places = grid.places(rows)
    daily = log_returns(np.log(wide["price"]))[securities, places]
    industry = pl.Series(names.search_sorted(rows["industry"])).cast(pl.Int64).to_numpy()
    own = np.isfinite(daily) & rows["industry"].is_not_null().to_numpy()
    traded = np.isfinite(daily)
    own_NT = _mean(industry[own] * grid.shape[1] + places[own], daily[own], len(names) * grid.shape[1])
    market_T = _mean(places[traded], daily[traded], grid.shape[1])
    return own_NT.reshape(len(names), grid.shape[1]) - market_T


def _mean(cells: Whole, values: Wide, size: int) -> Wide:
    """Mean of the values in each cell, added in the order of the rows."""
    count = np.bincount(cells, minlength=size)
    return np.bincount(cells, weights=values, minlength=size) / np.where(count > 0, count, np.nan)


def _since(excess_NT: Wide, age_NT: Whole) -> Wide:
    """Sum of the returns since the last measure, its own session included, [N, T]."""
    known_NT = np.isfinite(excess_NT)
    total_NT, count_NT = np.zeros_like(excess_NT), np.zeros_like(excess_NT)
    for back in range(min(RESPONSE, excess_NT.shape[1]) - 1, -1, -1):
        counts_NT = known_NT[:, : excess_NT.shape[1] - back] & (age_NT[:, back:] >= back)
        total_NT[:, back:] += np.where(counts_NT, excess_NT[:, : excess_NT.shape[1] - back], 0.0)
        count_NT[:, back:] += counts_NT
    return np.where((age_NT >= 0) & (age_NT < RESPONSE) & (count_NT > 0), total_NT, np.nan)


def _gathered(rows: pl.DataFrame, columns: dict[str, Wide], sessions: pl.Series, names: pl.Series) -> pl.DataFrame:
    """The rows with the figures of their industry and session; NaN becomes null."""
    known = rows["industry"].is_not_null()
    at = rows.filter(known)
    cells = np.asarray(names.search_sorted(at["industry"])), np.asarray(sessions.search_sorted(at["session"]))
    found = at.select("session", "security_id").with_columns(
        pl.Series(name, values_NT[cells], nan_to_null=True) for name, values_NT in columns.items()
    )
    return rows.select("session", "security_id").join(
        found, on=["session", "security_id"], how="left", maintain_order="left"
    )
