from bisect import bisect_left
from datetime import date, datetime, timedelta
from statistics import stdev
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.features.financials import Financials, financials
from expectations.decisions import decision_instant
from expectations.fact_tables import FloatShares, Statements
from expectations.tables import Bars, Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMES = [name for name in Financials.column_names() if name not in ("session", "security_id")]
ITEMS = ("net_profit", "revenue", "operating_cash_flow", "equity", "total_assets")
# Sessions twice a week: three years of reports in few rows.
SESSIONS = [date(2014, 1, 6) + timedelta(days=7 * week + day) for week in range(160) for day in (0, 3)]
A_MICROSECOND = timedelta(microseconds=1)
Row = dict[str, object]


def quarter_end(quarter: int) -> date:
    year, place = divmod(quarter, 4)
    return date(year + (place == 3), 1 if place == 3 else 3 * place + 4, 1) - timedelta(days=1)


def fact(security: str, quarter: int, item: str, value: float, at: datetime, **changes: object) -> Row:
    row = {
        "known_on": at.date(), "available_at": at, "security_id": security, "period_end": quarter_end(quarter),
        "item": item, "value": value, "revision": 0, "published_on": at.date(), "is_deadline_assumed": False,
    }  # fmt: skip
    return row | changes


def random_statements(rng: np.random.Generator) -> list[Row]:
    """Two securities, twenty quarters, items missing, restated up to twice, reports late and out of order."""
    rows = []
    for security in ("sh600001", "sh600002"):
        for quarter in range(4 * 2011, 4 * 2016):
            at = datetime.combine(quarter_end(quarter), datetime.min.time(), SHANGHAI)
            at += timedelta(days=int(rng.integers(10, 130)), hours=int(rng.integers(0, 24)))
            assumed = bool(rng.random() < 0.1)
            for item in ITEMS:
                if rng.random() < 0.04:
                    continue
                scale = (quarter % 4 + 1) * {"net_profit": 1e8, "operating_cash_flow": 1e8}.get(item, 1e9)
                told = at
                for revision in range(1 + int(rng.choice(3, p=[0.7, 0.2, 0.1]))):
                    value = float(rng.normal(1.0, 0.6) * scale)
                    rows.append(
                        fact(security, quarter, item, value, told, revision=revision, is_deadline_assumed=assumed)
                    )
                    told += timedelta(days=int(rng.integers(1, 400)))
    return rows


def bars_of(rng: np.random.Generator, sessions: list[date] = SESSIONS) -> pl.DataFrame:
    grid = pl.DataFrame({"session": sessions}).join(
        pl.DataFrame({"security_id": ["sh600001", "sh600002", "sh600003"]}), how="cross"
    )
    prices = pl.Series(np.round(rng.uniform(5, 20, len(grid)), 2))
    still = pl.Series(rng.random(len(grid)) < 0.1)
    lacking = [name for name in Bars.column_names() if name not in grid.columns]
    nothing = grid.with_columns(pl.lit(None).alias(name) for name in lacking)
    return (
        nothing.with_columns(close=prices, is_suspended=still)
        .select(Bars.column_names())
        .cast({"session": pl.Date, "close": pl.Float64})
    )


def frame(table, rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: column.dtype for name, column in table.columns().items()})


def shares_of(*changes: tuple[str, datetime, float | None]) -> pl.DataFrame:
    return frame(
        FloatShares,
        [
            {
                "known_on": at.date(), "available_at": at, "security_id": security, "float_shares": 1e8,
                "total_shares": total, "origin": "reported",
            }
            for security, at, total in changes
        ],
    )  # fmt: skip


SHARES = shares_of(
    ("sh600001", datetime(2013, 1, 1, tzinfo=SHANGHAI), 2e8),
    ("sh600001", datetime(2015, 7, 1, 9, tzinfo=SHANGHAI), 3e8),
    ("sh600002", datetime(2015, 7, 1, 9, tzinfo=SHANGHAI), None),
)


def days(sessions: list[date] = SESSIONS) -> pl.DataFrame:
    return Calendar.cast(pl.DataFrame({"session": sessions, "securities_traded": 3}))


def computed(statements: pl.DataFrame, bars: pl.DataFrame, sessions: list[date] = SESSIONS) -> pl.DataFrame:
    found = financials(statements.lazy(), SHARES.lazy(), bars.lazy(), days(sessions).lazy())
    return Financials.validate(found.collect())


class Plain:
    """What was published by an instant, and every figure, in plain Python."""

    def __init__(self, rows: list[Row], security: str, at: datetime) -> None:
        known = [row for row in rows if row["security_id"] == security and row["available_at"] <= at]
        self.known = sorted(known, key=lambda row: (row["revision"], row["available_at"]))
        self.value = {self.cell(row): row["value"] for row in self.known}
        self.first = {self.cell(row): row["value"] for row in self.known if row["revision"] == 0}
        told = [quarter for item, quarter in self.value if item == "net_profit"]
        self.latest = max(told) if told else None

    def cell(self, row: Row) -> tuple[object, int]:
        end = row["period_end"]
        return row["item"], 4 * end.year + (end.month - 1) // 3

    def announced(self, quarter: int) -> datetime | None:
        told = [row["available_at"] for row in self.known if self.cell(row) == ("net_profit", quarter)]
        return min(told) if told else None

    def single(self, item: str, quarter: int) -> float | None:
        if quarter % 4 == 0:
            return self.value.get((item, quarter))
        return less(self.value.get((item, quarter)), self.value.get((item, quarter - 1)))

    def year(self, item: str, quarter: int, values: dict | None = None) -> float | None:
        told = values or self.value
        if quarter % 4 == 3:
            return told.get((item, quarter))
        rest = less(told.get((item, quarter - quarter % 4 - 1)), told.get((item, quarter - 4)))
        return None if rest is None or (item, quarter) not in told else told[item, quarter] + rest

    def surprise(self, item: str) -> float | None:
        changes = [
            less(self.single(item, q), self.single(item, q - 4)) for q in range(self.latest, self.latest - 9, -1)
        ]
        past = [change for change in changes[1:] if change is not None]
        if changes[0] is None or len(past) < 4:
            return None
        return max(-10.0, min(10.0, changes[0] / stdev(past)))

    def between(self, item: str, quarter: int) -> float | None:
        now, before = self.value.get((item, quarter)), self.value.get((item, quarter - 4))
        return None if now is None or before is None else (now + before) / 2

    def figures(self) -> dict[str, float | None]:
        q = self.latest
        found: dict[str, float | None] = {}
        for name, item in (("profit", "net_profit"), ("revenue", "revenue")):
            found[f"{name}_growth_quarter_yoy"] = relative(self.single(item, q), self.single(item, q - 4))
            found[f"{name}_growth_ttm_yoy"] = relative(self.year(item, q), self.year(item, q - 4))
            found[f"{name}_surprise_8q"] = self.surprise(item)
        pairs = {
            "return_on_equity": [(self.year("net_profit", p), self.between("equity", p)) for p in (q, q - 4)],
            "net_margin": [(self.year("net_profit", p), self.year("revenue", p)) for p in (q, q - 4)],
            "equity_to_assets": [
                (self.value.get(("equity", p)), self.value.get(("total_assets", p))) for p in (q, q - 4)
            ],
        }
        for name, (now, before) in pairs.items():
            suffix = "" if name == "equity_to_assets" else "_ttm"
            found[f"{name}{suffix}"] = over(*now)
            found[f"{name}_change_yoy"] = less(over(*now), over(*before))
        accrued = less(self.year("net_profit", q), self.year("operating_cash_flow", q))
        assets = self.between("total_assets", q)
        found["accruals_ttm"] = None if accrued is None or assets is None else accrued / assets
        found["profit_restated_ttm"] = relative(
            self.year("net_profit", q), self.year("net_profit", q, self.first or {None: None})
        )
        both = [p for p in range(q, q - 8, -1) if ("net_profit", p) in self.first]
        moved = [p for p in both if self.value["net_profit", p] != self.first["net_profit", p]]
        found["restated_quarters_8q"] = float(len(moved)) if both else None
        return found


def less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def over(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None or b <= 0 else a / b


def relative(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else (now - before) / (abs(now) + abs(before))


def age(instant: datetime | None, place: int) -> int | None:
    if instant is None:
        return None
    arrived = bisect_left([decision_instant(session, 20) for session in SESSIONS], instant)
    return place - arrived if arrived > 0 and 0 <= place - arrived < 250 else None


def expected(rows: list[Row], security: str, session: date, close: float) -> dict[str, float | None]:
    at, place = decision_instant(session, 20), SESSIONS.index(session)
    plain = Plain(rows, security, at)
    if plain.latest is None:
        return dict.fromkeys(NAMES)
    found = plain.figures()
    announced, before = plain.announced(plain.latest), plain.announced(plain.latest - 1)
    total = {"sh600001": 2e8 if at < datetime(2015, 7, 1, 9, tzinfo=SHANGHAI) else 3e8}.get(security)
    worth = {
        "earnings_yield_ttm": plain.year("net_profit", plain.latest),
        "sales_to_price_ttm": plain.year("revenue", plain.latest),
        "cash_flow_to_price_ttm": plain.year("operating_cash_flow", plain.latest),
        "book_to_price": plain.value.get(("equity", plain.latest)),
    }
    found |= {name: None if of is None or total is None else of / (total * close) for name, of in worth.items()}
    since, since_before = age(announced, place), age(before, place)
    then = Plain(rows, security, announced)
    for name, item in (("profit", "net_profit"), ("revenue", "revenue")):
        last = then.surprise(item)
        fresh = since is not None and since < 60
        found[f"announced_{name}_surprise_60d"] = last if fresh else None
        earlier = None
        if before is not None and since_before is not None:
            old = Plain(rows, security, before)
            old.latest = plain.latest - 1
            earlier = old.surprise(item)
        for half_life in (10, 20):
            drift = None if last is None or since is None else last * 0.5 ** (since / half_life)
            if drift is not None and earlier is not None:
                drift += earlier * 0.5 ** (since_before / half_life)
            found[f"{name}_surprise_half_life_{half_life}d"] = drift
    found["publication_age_sessions"] = since
    restated = [row["available_at"] for row in plain.known if row["revision"] > 0]
    found["restatement_age_sessions"] = age(max(restated), place) if restated else None
    [first] = [
        row for row in plain.known
        if plain.cell(row) == ("net_profit", plain.latest) and row["available_at"] == announced
    ]  # fmt: skip
    late = (first["published_on"] - first["period_end"]).days
    found["publication_delay_days"] = None if first["is_deadline_assumed"] else float(late)
    return found


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_figure_is_what_plain_python_makes_of_what_was_published_by_then(seed):
    rng = np.random.default_rng(seed)
    rows, bars = random_statements(rng), bars_of(rng)
    table = computed(frame(Statements, rows), bars)
    traded = bars.filter(~pl.col("is_suspended")).sort("session", "security_id")
    assert table.select("session", "security_id").equals(traded.select("session", "security_id"))
    both = table.join(traded.select("session", "security_id", "close"), on=["session", "security_id"])
    for found in both.gather_every(5).iter_rows(named=True):
        wanted = expected(rows, found["security_id"], found["session"], found["close"])
        assert set(wanted) == set(NAMES)
        for name in NAMES:
            told = (found["session"], found["security_id"], name, found[name], wanted[name])
            assert (found[name] is None) == (wanted[name] is None), told
            assert found[name] is None or found[name] == pytest.approx(wanted[name], rel=1e-9, abs=1e-12), told


@pytest.fixture(scope="module")
def panel() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(7)
    statements, bars = frame(Statements, random_statements(rng)), bars_of(rng)
    return statements, bars, computed(statements, bars)


def test_every_figure_is_told_somewhere_and_is_finite(panel):
    for name in NAMES:
        assert panel[2][name].drop_nulls().len() > 20, name
        assert panel[2][name].drop_nulls().is_finite().all(), name
        assert panel[2][name].n_unique() > 2, name


@pytest.mark.parametrize("place", [3, 60, 171, 240, 319])
def test_a_value_as_of_t_equals_what_was_published_by_t(panel, place):
    statements, bars, whole = panel
    at = decision_instant(SESSIONS[place], 20)
    known = statements.filter(pl.col("available_at") <= at)
    here = pl.col("session") == SESSIONS[place]
    assert_frame_equal(computed(known, bars.filter(here)), whole.filter(here), check_exact=True)


def test_a_publication_a_microsecond_after_the_decision_counts_from_the_next_session(panel):
    statements, bars, _ = panel
    early, late = decision_instant(SESSIONS[200], 20), decision_instant(SESSIONS[200], 20) + A_MICROSECOND
    own = statements.filter(pl.col("security_id") == "sh600001", pl.col("available_at") < early)
    told = {}
    for at in (early, late):
        news = [fact("sh600001", 4 * 2018, "net_profit", 5e8, at), fact("sh600001", 4 * 2018, "equity", 4e9, at)]
        table = computed(pl.concat([own, frame(Statements, news)]), bars.with_columns(is_suspended=False))
        told[at] = table.filter(pl.col("security_id") == "sh600001")["publication_age_sessions"].to_list()
    assert told[early][200:202] == [0.0, 1.0]
    assert told[late][200:202] == [told[late][199] + 1, 0.0]


def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit(panel):
    statements, bars, whole = panel
    reach = financials.table.look_back
    assert reach["bars"] == 0
    for first in (0, 100, 251, 290):
        wanted = pl.col("session").is_between(SESSIONS[first], SESSIONS[first + 20])
        sessions = SESSIONS[max(0, first - reach["calendar"]) : first + 21]
        assert_frame_equal(computed(statements, bars.filter(wanted), sessions), whole.filter(wanted), check_exact=True)


def test_the_order_of_the_rows_does_not_matter(panel):
    statements, bars, whole = panel
    mixed = (frame.sample(fraction=1.0, shuffle=True, seed=5) for frame in (statements, bars))
    assert_frame_equal(computed(*mixed), whole, check_exact=True)


def test_an_annual_and_a_first_quarter_report_of_one_evening_both_drift():
    at = datetime(2015, 4, 28, 21, tzinfo=SHANGHAI)
    told = [11.0, 20, 33, 40, 12, 22, 31, 44, 10, 23, 30, 41, 15, 20, 35, 49, 17]
    rows = [
        fact("sh600001", quarter, "net_profit", value, at if quarter >= 4 * 2014 + 3 else at - timedelta(days=400))
        for quarter, value in enumerate(told, 4 * 2011)
    ]
    bars = bars_of(np.random.default_rng(0)).with_columns(is_suspended=False)
    table = computed(frame(Statements, rows), bars).filter(pl.col("security_id") == "sh600001")
    place = next(i for i, session in enumerate(SESSIONS) if decision_instant(session, 20) >= at)
    annual = Plain(rows, "sh600001", at)
    annual.latest -= 1
    both = Plain(rows, "sh600001", at).surprise("net_profit") + annual.surprise("net_profit")
    assert table["profit_surprise_half_life_10d"][place] == pytest.approx(both)
    assert table["profit_surprise_half_life_10d"][place + 10] == pytest.approx(both / 2)


def test_shares_of_the_statements_stand_in_where_none_are_reported():
    at = datetime(2014, 4, 28, 21, tzinfo=SHANGHAI)
    rows = [
        fact(security, 4 * 2013 + 3, item, value, at)
        for security in ("sh600001", "sh600003")
        for item, value in (("net_profit", 4e8), ("total_shares", 5e8))
    ]
    bars = bars_of(np.random.default_rng(0)).with_columns(close=8.0, is_suspended=False)
    last = computed(frame(Statements, rows), bars).filter(pl.col("session") == date(2014, 12, 1))
    assert last["earnings_yield_ttm"].to_list() == [4e8 / 16e8, None, 4e8 / 40e8]


def test_every_column_says_what_it_is():
    for name in NAMES:
        assert {"definition", "unit"} <= set(Financials.columns()[name].metadata), name


def test_no_statements_and_no_bars_are_no_error(panel):
    statements, bars, _ = panel
    empty = computed(statements.clear(), bars)
    assert empty.select(pl.col(NAMES).is_null().all()).row(0) == (True,) * len(NAMES)
    assert computed(statements, bars.clear()).is_empty()
    assert computed(statements.clear(), bars.clear(), []).is_empty()
