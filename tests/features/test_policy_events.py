from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.features.policy_events import PolicyEvents, policy_events
from expectations.decisions import decision_instant
from expectations.fact_tables import Industries
from expectations.fact_tables import PolicyEvents as Measures
from expectations.tables import Bars, Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMES = [name for name in PolicyEvents.column_names() if name not in ("session", "security_id")]
WEEKDAYS = pl.date_range(date(2014, 1, 1), date(2016, 12, 31), eager=True)
SESSIONS = WEEKDAYS.filter(WEEKDAYS.dt.weekday() <= 5).head(420).to_list()
SECURITIES = ("sh600001", "sh600002", "sh600003", "sz000004", "sz000005")
TONES = {"支持": 1, "收紧": -1, "关于": 0}
A_MICROSECOND = timedelta(microseconds=1)
LONG_AGO = datetime(2013, 1, 1, tzinfo=SHANGHAI)
Row = dict[str, object]


def frame(table, rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: column.dtype for name, column in table.columns().items()})


def measure(event: str, at: datetime, industry: str, theme: str = "t", word: str = "支持") -> Row:
    return {
        "known_on": at.date(), "available_at": at, "event_id": event, "theme": theme, "industry": industry,
        "title": f"{word}{industry}",
    }  # fmt: skip


def change(security: str, industry: str, at: datetime = LONG_AGO, *, holds: bool = True) -> Row:
    return {"known_on": at.date(), "available_at": at, "security_id": security, "industry": industry, "holds": holds}


def bars_of(rng: np.random.Generator, still: float = 0.1) -> pl.DataFrame:
    rows = pl.DataFrame({"session": SESSIONS}).join(pl.DataFrame({"security_id": SECURITIES}), how="cross")
    moves = rng.normal(0, 0.02, (len(SESSIONS), len(SECURITIES))).cumsum(axis=0)
    rows = rows.with_columns(
        close=pl.Series(10 * np.exp(moves).ravel()),
        adj_factor=pl.lit(1.0),
        is_suspended=pl.Series(rng.random(len(rows)) < still),
    )
    lacking = [pl.lit(None).alias(name) for name in Bars.column_names() if name not in rows.columns]
    return rows.with_columns(lacking).select(Bars.column_names())


def computed(measures: pl.DataFrame, industries: pl.DataFrame, bars: pl.DataFrame, sessions=SESSIONS) -> pl.DataFrame:
    days = Calendar.cast(pl.DataFrame({"session": sessions, "securities_traded": 3})).lazy()
    return PolicyEvents.validate(policy_events(measures.lazy(), industries.lazy(), bars.lazy(), days).collect())


def random_market(rng: np.random.Generator) -> tuple[list[Row], list[Row], pl.DataFrame]:
    """Three industries, measures at any hour of any day, securities that change their industry or lose it."""

    def instant(first: int = -30) -> datetime:
        day = SESSIONS[0] + timedelta(days=int(rng.integers(first, 590)))
        return datetime.combine(day, datetime.min.time(), SHANGHAI) + timedelta(minutes=int(rng.integers(0, 1440)))

    measures = []
    for number in range(int(rng.integers(5, 60))):
        at, word, theme = instant(), str(rng.choice(list(TONES))), f"theme{rng.integers(0, 6)}"
        for industry in rng.choice(["a", "b", "c"], int(rng.integers(1, 4)), replace=False):
            late = timedelta(days=int(rng.integers(0, 4)) * int(rng.random() < 0.2))
            measures.append(measure(f"e{number}", at + late, str(industry), theme, word))
    changes = [change(security, "a" if security < "sh600003" else "b") for security in SECURITIES[:-1]]
    moved = sorted([instant(100), instant(100)])
    changes += [change("sh600001", "a", moved[0], holds=False), change("sh600001", "c", moved[1])]
    return measures, changes, bars_of(rng)


def plain(
    measures: list[Row], changes: list[Row], bars: dict[tuple[date, str], float], session: date, security: str
) -> dict[str, float | None]:
    """Every figure in plain Python, from what was known after the session."""
    place = SESSIONS.index(session)
    industry = held(changes, security, session)
    if industry is None:
        return dict.fromkeys(NAMES)
    first = decision_instant(SESSIONS[0], 20)
    known = [
        {**row, "place": arrived(row["available_at"])}
        for row in sorted(measures, key=lambda row: (row["available_at"], row["event_id"]))
        if row["industry"] == industry and first < row["available_at"] <= decision_instant(session, 20)
    ]
    for row in known:
        told = [other for other in measures if other["event_id"] == row["event_id"]]
        row["breadth"] = sum(other["available_at"] <= row["available_at"] for other in told)
        row["tone"], row["age"] = TONES[row["title"][:2]], place - row["place"]
    found: dict[str, float | None] = {
        f"policy_events_{window}d": float(sum(row["age"] < window for row in known)) for window in (5, 20, 60)
    }
    found["policy_themes_60d"] = float(len({row["theme"] for row in known if row["age"] < 60}))
    recent = [row for row in known if row["age"] < 120]
    for half_life in (5, 20):
        weights = [0.5 ** (row["age"] / half_life) for row in recent]
        found[f"policy_intensity_half_life_{half_life}d"] = sum(weights)
        found[f"policy_tone_half_life_{half_life}d"] = sum(
            weight * row["tone"] for weight, row in zip(weights, recent, strict=True)
        )
    found["policy_focus_half_life_20d"] = sum(0.5 ** (row["age"] / 20) * row["tone"] / row["breadth"] for row in recent)
    broad = [row["breadth"] for row in known if row["age"] < 20]
    found["policy_breadth_20d"] = sum(broad) / len(broad) if broad else None
    last = known[-1] if known else None
    found["policy_age_sessions"] = last["age"] if last and last["age"] < 250 else None
    found["policy_novelty_sessions"] = novelty(known) if last and last["age"] < 60 else None
    found["policy_response_20d"] = None
    if last and last["age"] < 20:
        moves = [excess(bars, changes, industry, when) for when in SESSIONS[last["place"] : place + 1]]
        told = [move for move in moves if move is not None]
        found["policy_response_20d"] = sum(told) if told else None
    return found


def arrived(instant: datetime) -> int:
    return next((i for i, day in enumerate(SESSIONS) if decision_instant(day, 20) >= instant), len(SESSIONS))


def held(changes: list[Row], security: str, session: date) -> str | None:
    at = decision_instant(session, 20)
    known = [row for row in changes if row["security_id"] == security and row["available_at"] <= at]
    holding = {row["industry"]: row["holds"] for row in sorted(known, key=lambda row: row["available_at"])}
    return next((industry for industry, holds in holding.items() if holds), None)


def novelty(known: list[Row]) -> float | None:
    last = known[-1]
    before = [row["place"] for row in known[:-1] if row["theme"] == last["theme"]]
    if before:
        return min(last["place"] - before[-1], 250)
    return 250.0 if last["place"] >= 250 else None


def excess(bars: dict[tuple[date, str], float], changes: list[Row], industry: str, session: date) -> float | None:
    moves = {}
    place = SESSIONS.index(session)
    for security in SECURITIES:
        past = [bars.get((day, security)) for day in reversed(SESSIONS[max(0, place - 60) : place])]
        before = next((close for close in past if close is not None), None)
        if (session, security) in bars and before is not None:
            moves[security] = np.log(bars[session, security]) - np.log(before)
    own = [move for security, move in moves.items() if held(changes, security, session) == industry]
    return float(np.mean(own) - np.mean(list(moves.values()))) if own else None


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_figure_is_what_plain_python_makes_of_what_was_known_by_then(seed):
    rng = np.random.default_rng(seed)
    measures, changes, bars = random_market(rng)
    table = computed(frame(Measures, measures), frame(Industries, changes), bars)
    traded = bars.filter(~pl.col("is_suspended")).sort("session", "security_id")
    assert table.select("session", "security_id").equals(traded.select("session", "security_id"))
    closes = {(day, name): close for day, name, close in traded.select("session", "security_id", "close").iter_rows()}
    for found in table.gather_every(41).iter_rows(named=True):
        wanted = plain(measures, changes, closes, found["session"], found["security_id"])
        assert set(wanted) == set(NAMES)
        for name in NAMES:
            told = (found["session"], found["security_id"], name, found[name], wanted[name])
            assert (found[name] is None) == (wanted[name] is None), told
            assert found[name] is None or found[name] == pytest.approx(wanted[name], rel=1e-9, abs=1e-12), told


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(11)
    measures, changes, bars = random_market(rng)
    given_ = frame(Measures, measures), frame(Industries, changes), bars
    return *given_, computed(*given_)


def test_every_figure_is_told_somewhere_and_is_finite(panel):
    for name in NAMES:
        assert panel[3][name].drop_nulls().len() > 20, name
        assert panel[3][name].drop_nulls().is_finite().all(), name
        assert panel[3][name].n_unique() > 2, name


@pytest.mark.parametrize("place", [3, 60, 171, 300, 419])
def test_a_value_as_of_t_equals_what_was_known_by_t(panel, place):
    measures, industries, bars, whole = panel
    known = pl.col("available_at") <= decision_instant(SESSIONS[place], 20)
    early = pl.col("session") <= SESSIONS[place]
    found = computed(measures.filter(known), industries.filter(known), bars.filter(early))
    assert_frame_equal(found, whole.filter(early), check_exact=True)


def test_a_measure_and_a_change_a_microsecond_after_the_decision_count_from_the_next_session():
    decided = decision_instant(SESSIONS[30], 20)
    bars = bars_of(np.random.default_rng(0), still=0.0)
    for late, first in ((timedelta(), 30), (A_MICROSECOND, 31)):
        measures = frame(Measures, [measure("e", decided + late, "a")])
        table = computed(measures, frame(Industries, [change("sh600001", "a")]), bars)
        counts = table.filter(pl.col("security_id") == "sh600001")["policy_events_5d"].to_list()
        assert [i for i, count in enumerate(counts) if count] == list(range(first, first + 5))
        industries = frame(Industries, [change("sh600001", "a", decided + late)])
        table = computed(measures.clear(), industries, bars).filter(pl.col("security_id") == "sh600001")
        assert table["policy_events_5d"].is_not_null().arg_max() == first


def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit(panel):
    measures, industries, bars, whole = panel
    reach = policy_events.table.look_back
    for first in (0, 90, 330, 399):
        wanted = pl.col("session").is_between(SESSIONS[first], SESSIONS[first + 20])
        seen = bars.filter(pl.col("session").is_between(SESSIONS[max(0, first - reach["bars"])], SESSIONS[first + 20]))
        sessions = SESSIONS[max(0, first - reach["calendar"]) : first + 21]
        part = computed(measures, industries, seen, sessions).filter(wanted)
        assert_frame_equal(part, whole.filter(wanted), check_exact=True)


def test_the_look_back_reaches_over_a_halt_that_ends_where_a_response_begins():
    """The first of 20 sessions of a response is the last of 60 over which a return may span a halt."""
    last, came = 200, 181
    halted = pl.col("session").is_between(SESSIONS[came - 59], SESSIONS[came - 1]) & (
        pl.col("security_id") == "sh600001"
    )
    bars = bars_of(np.random.default_rng(0), still=0.0).with_columns(is_suspended=halted)
    measures = frame(Measures, [measure("e", decision_instant(SESSIONS[came], 12), "a")])
    industries = frame(Industries, [change("sh600001", "a")])
    reach = policy_events.table.look_back["bars"]
    seen = bars.filter(pl.col("session").is_between(SESSIONS[last - reach], SESSIONS[last]))
    here = pl.col("session") == SESSIONS[last]
    whole = computed(measures, industries, bars).filter(here)
    assert_frame_equal(computed(measures, industries, seen).filter(here), whole, check_exact=True)
    assert whole["policy_response_20d"].null_count() == len(SECURITIES) - 1


def test_the_order_of_the_rows_does_not_matter(panel):
    *given_, whole = panel
    mixed = (rows.sample(fraction=1.0, shuffle=True, seed=5) for rows in given_)
    assert_frame_equal(computed(*mixed), whole, check_exact=True)


def test_a_security_without_an_industry_knows_nothing_and_one_without_measures_counts_none():
    bars = bars_of(np.random.default_rng(0))
    table = computed(frame(Measures, []), frame(Industries, [change("sh600001", "a")]), bars)
    own = table.filter(pl.col("security_id") == "sh600001")
    others = table.filter(pl.col("security_id") != "sh600001")
    assert others.select(pl.col(NAMES).is_null().all()).row(0) == (True,) * len(NAMES)
    unknown = ["policy_age_sessions", "policy_breadth_20d", "policy_novelty_sessions", "policy_response_20d"]
    assert own.select(pl.col(unknown).is_null().all()).row(0) == (True,) * len(unknown)
    assert own.select(pl.exclude("session", "security_id", *unknown).max()).row(0) == (0.0,) * 9


def test_a_security_takes_over_the_measures_on_the_industry_that_it_comes_to():
    at = datetime.combine(SESSIONS[40], datetime.min.time(), SHANGHAI)
    industries = [change("sh600001", "a"), change("sh600001", "a", at, holds=False), change("sh600001", "b", at)]
    measures = [measure("e", at - timedelta(days=3), "b", word="收紧")]
    table = computed(frame(Measures, measures), frame(Industries, industries), bars_of(np.random.default_rng(0), 0.0))
    tones = table.filter(pl.col("security_id") == "sh600001")["policy_tone_half_life_5d"].to_list()
    assert tones[39] == 0.0
    assert tones[40] == pytest.approx(-(0.5 ** (3 / 5)), rel=0.2)


def test_every_column_says_what_it_is():
    for name in NAMES:
        assert set(PolicyEvents.columns()[name].metadata) == {"definition", "unit"}, name


def test_no_facts_and_no_bars_are_no_error(panel):
    measures, industries, bars, _ = panel
    assert computed(measures.clear(), industries.clear(), bars)["policy_events_5d"].is_null().all()
    assert computed(measures, industries, bars.clear()).is_empty()
    assert computed(measures.clear(), industries.clear(), bars.clear(), []).is_empty()
