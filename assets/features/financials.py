"""Financials: what statements say of a security, as they were known after a session."""

from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import EVERYTHING_BEFORE, as_of_join
from assets.features.ages import NEVER, ages, arrivals
from assets.features.decay import decay
from assets.features.publications import known_at, publications
from assets.features.reported_quarters import figures
from assets.table import table
from expectations.decisions import decided_at
from expectations.fact_tables import FloatShares, Statements
from expectations.tables import Bars, Calendar, Keyed

DRIFT_SESSIONS = 60
REMEMBERED = 250
HALF_LIVES = (10, 20)
READING = ("security_id", "available_at", "quarter")
SURPRISES = ("profit_surprise", "revenue_surprise")
AS_TOLD = (
    "profit_growth_quarter_yoy", "profit_growth_ttm_yoy", "revenue_growth_quarter_yoy", "revenue_growth_ttm_yoy",
    "return_on_equity_ttm", "return_on_equity_change_yoy", "net_margin_ttm", "net_margin_change_yoy",
    "equity_to_assets", "equity_to_assets_change_yoy", "accruals_ttm", "profit_restated_ttm", "restated_quarters_8q",
)  # fmt: skip
Ages = NDArray[np.int64]
DRIFT = "Bernard and Thomas (1989), Foster, Olsen and Shevlin (1984)"


def figure(definition: str, unit: str, source: str | None = None) -> dy.Float64:
    """A column with its definition and unit, and where the idea comes from."""
    told = {"definition": definition, "unit": unit} | ({"source": source} if source else {})
    return dy.Float64(nullable=True, metadata=told)


class Financials(Keyed):
    """Level, growth, quality and surprise of the latest quarter whose net profit is known, and the age of the news.

    Twelve months are the latest quarter and the three before it. Every item counts as first published until its
    restatement is known, and as restated from then on; only the surprises of an announcement stay what they were then.
    """

    asset_key: ClassVar[str] = "features/financials"
    is_sequence: ClassVar[bool] = False

    earnings_yield_ttm = figure("net profit of twelve months over market value (close * all shares)", "fraction")
    sales_to_price_ttm = figure("revenue of twelve months over market value", "fraction")
    cash_flow_to_price_ttm = figure("operating cash flow of twelve months over market value", "fraction")
    book_to_price = figure("equity over market value", "fraction")
    profit_growth_quarter_yoy = figure(
        "net profit of the quarter less that of a year before, over the sum of both sizes", "fraction, -1 to 1"
    )
    profit_growth_ttm_yoy = figure("the same of twelve months", "fraction, -1 to 1")
    revenue_growth_quarter_yoy = figure(
        "revenue of the quarter less that of a year before, over the sum of both sizes", "fraction, -1 to 1"
    )
    revenue_growth_ttm_yoy = figure("the same of twelve months", "fraction, -1 to 1")
    return_on_equity_ttm = figure("net profit of twelve months over mean equity, now and a year before", "fraction")
    return_on_equity_change_yoy = figure("the return on equity less that of a year before", "fraction")
    net_margin_ttm = figure("net profit over revenue, twelve months", "fraction")
    net_margin_change_yoy = figure("the margin less that of a year before", "fraction")
    equity_to_assets = figure("equity over total assets", "fraction")
    equity_to_assets_change_yoy = figure("equity over total assets less that of a year before", "fraction")
    accruals_ttm = figure(
        "net profit less operating cash flow of twelve months, over mean assets, now and a year before",
        "fraction",
        "Sloan (1996)",
    )
    profit_surprise_8q = figure(
        "change of the quarter's net profit from a year before over the standard deviation of up to 8 such changes "
        "before, at least 4; cut at 10",
        "standard deviations",
        DRIFT,
    )
    revenue_surprise_8q = figure("the same of revenue", "standard deviations", "Jegadeesh and Livnat (2006)")
    announced_profit_surprise_60d = figure(
        "surprise in net profit as known when the quarter was announced, if that is fewer than 60 sessions ago",
        "standard deviations",
        DRIFT,
    )
    announced_revenue_surprise_60d = figure("the same of revenue", "standard deviations", "Jegadeesh and Livnat (2006)")
    profit_surprise_half_life_10d = figure(
        "announced surprises in net profit of the last two quarters, each halved every 10 sessions since, for 250",
        "standard deviations",
        DRIFT,
    )
    profit_surprise_half_life_20d = figure("the same, halved every 20 sessions", "standard deviations", DRIFT)
    revenue_surprise_half_life_10d = figure("the same of revenue, halved every 10 sessions", "standard deviations")
    revenue_surprise_half_life_20d = figure("the same of revenue, halved every 20 sessions", "standard deviations")
    publication_age_sessions = figure(
        "sessions since the quarter was announced, 0 in the first that knew of it; null from 250 on", "sessions"
    )
    publication_delay_days = figure(
        "days from the end of the quarter to its report; null where the date of the report is assumed",
        "days",
        "Chambers and Penman (1984)",
    )
    profit_restated_ttm = figure(
        "net profit of twelve months as now known less as first published, over the sum of both sizes; 0: unchanged",
        "fraction, -1 to 1",
    )
    restated_quarters_8q = figure(
        "of the last 8 quarters, those whose net profit is not as first published", "quarters"
    )
    restatement_age_sessions = figure("sessions since an item was last restated; null from 250 on", "sessions")


@table(
    look_back={"statements": EVERYTHING_BEFORE, "float_shares": EVERYTHING_BEFORE, "bars": 0, "calendar": REMEMBERED}
)
def financials(
    statements: dy.LazyFrame[Statements],
    float_shares: dy.LazyFrame[FloatShares],
    bars: dy.LazyFrame[Bars],
    calendar: dy.LazyFrame[Calendar],
) -> dy.LazyFrame[Financials]:
    """One row per traded bar: the figures of the last publication known at the decision, and how old it is.

    Items are year to date, as Chinese reports tell them (`statement_items.csv`). Figures are worked out once for each
    publication that some row knows as its last. All shares are those of `float_shares`; where it tells none, those of
    the statements. Null where an item that a figure needs is not known, and all of it before a first net profit is.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    rows = _rows(bars, float_shares)
    published = publications(statements)
    at = published.lazy().select("security_id", "available_at", "publication")
    rows = as_of_join(rows.lazy(), at, ("security_id",)).drop("available_at").collect()
    used = published.filter(pl.col("publication").is_in(rows["publication"].unique().implode()))
    found = rows.join(_told(used, statements, sessions), on="publication", how="left", maintain_order="left")
    return Financials.cast(_columns(found, sessions).lazy())


def _rows(bars: pl.LazyFrame, float_shares: pl.LazyFrame) -> pl.DataFrame:
    """Traded bars in order, with the instant of the decision, the close, and all shares as known then."""
    traded = bars.filter(~pl.col("is_suspended")).sort("session", "security_id")
    decided = traded.select("session", "security_id", "close", decided_at=decided_at(pl.col("session")))
    shares = float_shares.select("security_id", "available_at", "total_shares")
    return as_of_join(decided, shares, ("security_id",)).drop("available_at").collect()


def _told(used: pl.DataFrame, statements: pl.LazyFrame, sessions: pl.Series) -> pl.DataFrame:
    """By publication: the figures as known with it, the surprises as announced, and where in the calendar all came."""
    now = used.select(READING)
    announced = used.select("security_id", "quarter", available_at="announced_at")
    before = used.select("security_id", pl.col("quarter") - 1, available_at="announced_before_at")
    asked = [frame.select(READING) for frame in (now, announced, before)]
    readings = pl.concat(asked).drop_nulls().unique().sort(READING)
    values = figures(known_at(readings, statements), readings["quarter"].to_numpy().astype(np.int64))
    worked = readings.with_columns(pl.Series(name, cells, nan_to_null=True) for name, cells in values.items())
    parts = [
        asked[0].join(worked, on=READING, how="left", maintain_order="left").drop(READING),
        *(
            frame.join(worked, on=READING, how="left", maintain_order="left").select(pl.col(SURPRISES).name.prefix(tag))
            for tag, frame in (("announced_", asked[1]), ("before_", asked[2]))
        ),
    ]
    came = {
        name: arrivals(used[column], sessions)
        for name, column in (
            ("announced", "announced_at"),
            ("announced_before", "announced_before_at"),
            ("restated", "restated_at"),
        )
    }
    return pl.concat([used.select("publication", "delay", **came), *parts], how="horizontal")


def _columns(found: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """The columns of Financials from rows with what was told by then; `net_profit_ttm` and the like are yuan."""
    places = sessions.search_sorted(found["session"]).to_numpy().astype(np.int64)
    age = {
        name: ages(places, found[name].fill_null(NEVER).to_numpy(), REMEMBERED)
        for name in ("announced", "announced_before", "restated")
    }
    value = pl.col("close") * pl.coalesce("total_shares", "told_shares")
    is_fresh = pl.Series(age["announced"]).is_between(0, DRIFT_SESSIONS - 1)
    return found.select(
        "session",
        "security_id",
        *(pl.col(name) for name in AS_TOLD),
        earnings_yield_ttm=pl.col("net_profit_ttm") / value,
        sales_to_price_ttm=pl.col("revenue_ttm") / value,
        cash_flow_to_price_ttm=pl.col("operating_cash_flow_ttm") / value,
        book_to_price=pl.col("equity") / value,
        profit_surprise_8q="profit_surprise",
        revenue_surprise_8q="revenue_surprise",
        announced_profit_surprise_60d=pl.when(is_fresh).then("announced_profit_surprise"),
        announced_revenue_surprise_60d=pl.when(is_fresh).then("announced_revenue_surprise"),
        publication_age_sessions=_sessions(age["announced"]),
        restatement_age_sessions=_sessions(age["restated"]),
        publication_delay_days="delay",
        **{
            f"{name}_half_life_{half_life}d": _drift(found, name, half_life, age["announced"], age["announced_before"])
            for name in SURPRISES
            for half_life in HALF_LIVES
        },
    )


def _drift(found: pl.DataFrame, name: str, half_life: int, age: Ages, age_before: Ages) -> pl.Series:
    """Both announced surprises, each decayed by its age; null where the age of the last one or itself is not known."""
    last, before = (found[f"{tag}_{name}"].fill_null(np.nan).to_numpy() for tag in ("announced", "before"))
    weights = decay(half_life, REMEMBERED)
    earlier = np.where(age_before >= 0, before * weights[age_before], np.nan)
    drift = np.where(age >= 0, last * weights[age], np.nan) + np.where(np.isnan(earlier), 0.0, earlier)
    return pl.Series(drift).fill_nan(None)


def _sessions(age: Ages) -> pl.Series:
    return pl.Series(np.where(age >= 0, age, np.nan)).fill_nan(None)
