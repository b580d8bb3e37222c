import math
import sys
from datetime import date, time, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import assets.cleaning.appearances
import assets.cleaning.bars
import assets.cleaning.calendar
import assets.cleaning.news
import assets.features.news
import assets.features.news_counts
from assets.features.characters import characters
from assets.features.lexicon.finance import sign_counts
from assets.features.news import NewsFlow, news
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.facts import RawNews
from expectations.tables import RawBars
from pipelines.declared import in_order
from pipelines.replay import another_future

sys.path.insert(0, str(Path(__file__).parent))
from told import SESSIONS, at, bars_of, calendar_of, random_news, told

NAMES = NewsFlow.column_names()[2:]
DAY = 61


def computed(items: pl.DataFrame, bars: pl.DataFrame, sessions: pl.Series = SESSIONS) -> pl.DataFrame:
    return NewsFlow.validate(news(items.lazy(), bars.lazy(), calendar_of(sessions).lazy()).collect())


def of(table: pl.DataFrame, security: str, session: date) -> dict:
    return table.row(by_predicate=(pl.col("security_id") == security) & (pl.col("session") == session), named=True)


def test_counts_are_of_news_and_of_announcements_apart():
    heard = told(("1", "a", "up", None, at(SESSIONS[DAY])), ("2", "a", "up", None, at(SESSIONS[DAY - 2])))
    filed = told(("3", "a", "up", None, at(SESSIONS[DAY - 10])), kind="announcement")
    found = of(computed(pl.concat([heard, filed]), bars_of("ab")), "a", SESSIONS[DAY])
    assert [found[f"news_items_{window}d"] for window in (1, 5, 20)] == [1, 2, 2]
    assert [found[f"announcement_items_{window}d"] for window in (1, 5, 20)] == [0, 0, 1]
    quiet = of(computed(heard, bars_of("ab")), "b", SESSIONS[DAY])
    assert [quiet[f"news_items_{window}d"] for window in (1, 5, 20)] == [0, 0, 0]
    assert quiet["sessions_since_news_60d"] is None
    assert quiet["news_novelty_20d"] is None
    assert quiet["news_tone_half_life_5d"] == 0


def test_an_item_a_microsecond_after_the_decision_counts_the_next_session():
    late = at(SESSIONS[DAY], 20) + timedelta(microseconds=1)
    table = computed(told(("1", "a", "profit", None, late)), bars_of("a"))
    before, after = of(table, "a", SESSIONS[DAY]), of(table, "a", SESSIONS[DAY + 1])
    assert (before["news_items_1d"], after["news_items_1d"]) == (0, 1)
    assert (before["news_tone_half_life_2d"], after["news_tone_half_life_2d"]) == (0, 1)
    assert after["after_close_share_20d"] == 0


def test_items_of_a_weekend_count_on_monday():
    friday = next(s for s in SESSIONS[DAY - 10 :] if s.weekday() == 4)
    table = computed(told(("1", "a", "profit", None, at(friday, 23) + timedelta(days=1))), bars_of("a"))
    assert of(table, "a", friday)["news_items_5d"] == 0
    assert of(table, "a", friday + timedelta(days=3))["news_items_1d"] == 1


def test_the_surprise_is_against_the_sixty_sessions_before():
    items = [(str(n), "a", "x", None, at(SESSIONS[n])) for n in range(1, 61, 2)]
    items += [("again", "a", "x", None, at(SESSIONS[DAY], 9)), ("more", "a", "x", None, at(SESSIONS[DAY]))]
    table = computed(told(*items), bars_of("a"))
    assert of(table, "a", SESSIONS[DAY])["news_surprise_60d"] == pytest.approx(math.log(3 / 1.5))
    assert of(table, "a", SESSIONS[59])["news_surprise_60d"] is None
    assert of(table, "a", SESSIONS[60])["news_surprise_60d"] == pytest.approx(math.log(1 / 1.5))


def test_tone_is_that_of_signed_words_and_halves_with_time():
    items = told(
        ("1", "a", "净利润增长", "但股价下跌，利润下滑", at(SESSIONS[DAY])), ("2", "a", "x", None, at(SESSIONS[DAY]))
    )
    table = computed(items, bars_of("a"))
    found = of(table, "a", SESSIONS[DAY])
    assert found["title_tone_5d"] == 1
    assert found["text_tone_1d"] == pytest.approx(-1 / 3)
    for half in (2, 5, 20):
        decayed = [of(table, "a", SESSIONS[DAY + lag])[f"news_tone_half_life_{half}d"] for lag in (0, 1)]
        assert decayed == pytest.approx([-1 / 3, -(2 ** (-1 / half)) / 3])
    assert of(table, "a", SESSIONS[DAY + 1])["text_tone_1d"] is None
    plain = computed(told(("2", "a", "x", None, at(SESSIONS[DAY]))), bars_of("a"))
    assert of(plain, "a", SESSIONS[DAY])["text_tone_20d"] is None
    assert of(plain, "a", SESSIONS[DAY])["news_tone_half_life_2d"] == 0


def test_a_piece_told_again_is_not_new_and_its_tone_weighs_nothing_more():
    text = ("净利润增长五成", "公司净利润增长五成")
    once, again = (("1", "a", *text, at(SESSIONS[DAY - 3])), ("2", "a", *text, at(SESSIONS[DAY])))
    found = of(computed(told(once, again), bars_of("a")), "a", SESSIONS[DAY])
    assert found["news_novelty_1d"] == 0
    assert found["news_novelty_20d"] == 0.5
    assert found["novel_tone_half_life_5d"] == pytest.approx(2 ** (-3 / 5))
    assert found["news_tone_half_life_5d"] == pytest.approx(1 + 2 ** (-3 / 5))


def test_what_comes_between_the_close_and_the_decision_is_after_close():
    close = at(SESSIONS[DAY], 15)
    items = [("1", "a", "profit", None, close), ("2", "a", "loss", None, close + timedelta(microseconds=1))]
    items += [("3", "a", "loss", None, at(SESSIONS[DAY - 1], 22))]
    found = of(computed(told(*items), bars_of("a")), "a", SESSIONS[DAY])
    assert found["news_items_1d"] == 3
    assert found["after_close_share_20d"] == pytest.approx(1 / 3)
    assert found["after_close_tone_1d"] == -1


def test_windows_count_sessions_also_while_a_name_is_suspended():
    halted = tuple(("a", session) for session in SESSIONS[DAY - 3 : DAY])
    table = computed(told(("1", "a", "profit", None, at(SESSIONS[DAY - 2]))), bars_of("ab", suspended=halted))
    assert table.filter(security_id="a").height == len(SESSIONS) - 3
    found = of(table, "a", SESSIONS[DAY])
    assert (found["news_items_1d"], found["news_items_5d"], found["sessions_since_news_60d"]) == (0, 1, 2)


def test_what_is_told_of_the_whole_market_or_of_others_moves_nothing():
    own = told(("1", "a", "profit", None, at(SESSIONS[DAY])))
    others = told(("1", None, "loss", None, at(SESSIONS[DAY])), ("1", "zz", "loss", None, at(SESSIONS[DAY])))
    assert_frame_equal(computed(pl.concat([own, others]), bars_of("a")), computed(own, bars_of("a")), check_exact=True)


def test_a_window_that_begins_before_the_calendar_is_null():
    table = computed(random_news(0), bars_of("a"))
    first = {name: table.filter(pl.col(name).is_not_null())["session"].min() for name in NAMES}
    places = {name: SESSIONS.to_list().index(session) for name, session in first.items()}
    exact = {"news_items_1d": 0, "news_items_5d": 4, "announcement_items_20d": 19, "news_surprise_60d": 60}
    exact |= {"news_tone_half_life_2d": 1, "news_tone_half_life_5d": 4, "news_tone_half_life_20d": 19}
    assert {name: places[name] for name in exact} == exact
    assert places["news_novelty_1d"] >= 20
    assert places["news_novelty_20d"] == 39


LONG = pl.date_range(date(2014, 6, 2), date(2015, 3, 31), eager=True)
LONG = LONG.filter(LONG.dt.weekday() <= 5)


def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit():
    items = pl.concat(
        [random_news(s, 60).with_columns(_moved(84 * s), news_id=f"{s} " + pl.col("news_id")) for s in range(4)]
    )
    items = items.with_columns(known_on=pl.col("available_at").dt.date())
    bars = bars_of("ab", LONG)
    whole = computed(items, bars, LONG)
    assert set(news.table.look_back) == {"news", "calendar"}
    for start in (130, 170):
        given = LONG[start - news.table.look_back["calendar"] :]
        some = items.filter(pl.col("known_on") >= given[0]).sample(fraction=1.0, shuffle=True, seed=1)
        part = computed(some, bars.filter(pl.col("session") >= LONG[start]), given)
        assert_frame_equal(part, whole.filter(pl.col("session") >= LONG[start]), check_exact=True)


def _moved(days: int) -> pl.Expr:
    return pl.col("available_at").dt.offset_by(f"-{days}d")


def test_later_items_and_the_order_of_rows_change_nothing():
    items, bars = random_news(1), bars_of("ab")
    cut = SESSIONS[50]
    early = items.filter(pl.col("available_at") <= at(cut, 20)).sample(fraction=1.0, shuffle=True, seed=3)
    part = computed(early, bars.filter(pl.col("session") <= cut), SESSIONS[:51])
    assert_frame_equal(part, computed(items, bars).filter(pl.col("session") <= cut), check_exact=True)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10_000))
@example(724)  # two runs that share a place of the table
def test_every_column_is_that_of_a_slow_reference(seed):
    items = random_news(seed, 60)
    halted = tuple(("a", session) for session in SESSIONS[seed % 40 : seed % 40 + 12])
    table = computed(items, bars_of("ab", suspended=halted))
    for session, security in ((SESSIONS[60], "b"), (SESSIONS[55], "a"), (SESSIONS[20], "b")):
        row = table.filter(session=session, security_id=security).to_dicts()
        expected = reference(items.filter(security_id=security), SESSIONS.to_list().index(session))
        assert set(expected) == set(NAMES)
        for name in expected if row else ():
            assert row[0][name] == pytest.approx(expected[name], abs=1e-12), name


def reference(items: pl.DataFrame, place: int) -> dict[str, float | None]:
    """Every column of one row, item by item in plain Python."""
    told_of, before = [], []
    for item in items.sort("available_at", "news_id").iter_rows(named=True):
        first = next(t for t, s in enumerate(SESSIONS) if at(s, 20) >= item["available_at"])
        positive, negative = signs(item["title"] + item["body"], item)
        title = signs(item["title"])
        runs = grams((item["title"] + "\n" + item["body"])[:200])
        seen = {run for other, then in before for run in other if first - then <= 20}
        before.append((runs, first))
        told_of.append(
            {
                "lag": place - first,
                "kind": item["kind"],
                "late": item["available_at"].date() == SESSIONS[first] and item["available_at"].time() > time(15),
                "novelty": sum(run not in seen for run in runs) / len(runs),
                "tone": balance(positive, negative),
                "title": balance(*title),
            }
        )
    within = {n: [i for i in told_of if 0 <= i["lag"] < n] for n in (1, 5, 12, 20, 30, 60, 120)}
    is_full = {n: place >= n - 1 for n in (1, 2, 5, 20)}
    counts = {
        f"{kind}_items_{n}d": sum(i["kind"] == kind for i in within[n]) if is_full[n] else None
        for kind in ("news", "announcement")
        for n in (1, 5, 20)
    }
    mean = sum(1 <= i["lag"] <= 60 for i in told_of) / 60
    return {
        **counts,
        "news_surprise_60d": math.log((1 + len(within[1])) / (1 + mean)) if place >= 60 else None,
        "sessions_since_news_60d": min((i["lag"] for i in within[60]), default=None),
        "after_close_share_20d": average([i["late"] for i in within[20]]) if is_full[20] else None,
        "news_novelty_1d": average([i["novelty"] for i in within[1]]) if place >= 20 else None,
        "news_novelty_20d": average([i["novelty"] for i in within[20]]) if place >= 39 else None,
        "title_tone_5d": average([i["title"] for i in within[5] if i["title"] is not None]),
        "text_tone_1d": average([i["tone"] for i in within[1] if i["tone"] is not None]),
        "text_tone_20d": average([i["tone"] for i in within[20] if i["tone"] is not None]),
        "after_close_tone_1d": sum(i["late"] * (i["tone"] or 0) for i in within[1]),
        **{
            f"news_tone_half_life_{half}d": sum(2 ** (-i["lag"] / half) * (i["tone"] or 0) for i in within[6 * half])
            for half in (2, 5, 20)
        },
        "novel_tone_half_life_5d": sum(2 ** (-i["lag"] / 5) * i["novelty"] * (i["tone"] or 0) for i in within[30]),
    }


def signs(text: str, item: dict | None = None) -> tuple[int, int]:
    """Signed words of a text; of an item those of title and body, each read by itself."""
    parts = [text] if item is None else [item["title"], item["body"]]
    counts = sign_counts(characters(pl.Series(parts))).sum(axis=0)
    return int(counts[0]), int(counts[1])


def balance(positive: int, negative: int) -> float | None:
    return (positive - negative) / (positive + negative) if positive + negative else None


def grams(text: str) -> list[str]:
    text = text.replace("\n", " ").replace("2015", "0000")
    return [text[i : i + 3] for i in range(max(len(text) - 2, 1))]


def average(values: list) -> float | None:
    return sum(values) / len(values) if values else None


def test_every_column_says_what_it_is():
    for name in NAMES:
        assert set(NewsFlow.columns()[name].metadata) == {"definition", "unit"}, name


def test_no_news_and_no_bars_are_no_error():
    silent = computed(random_news(0).clear(), bars_of("a"))
    assert silent["news_items_20d"].drop_nulls().to_list() == [0.0] * (len(SESSIONS) - 19)
    assert computed(random_news(0), bars_of("a").clear()).is_empty()


@pytest.fixture(scope="module")
def evidence() -> pl.DataFrame:
    """What moved in both groups of news when the future of a small market was replaced."""
    spec = SyntheticMarketSpec(seed=0, securities=30, sessions=140)
    first, last = spec.first_session(), spec.last_session()
    raw = {table.asset_key: spec.read(table, first, last) for table in (RawBars, RawNews)}
    cleaning = (assets.cleaning.appearances, assets.cleaning.bars, assets.cleaning.calendar, assets.cleaning.news)
    tables = in_order(declarations(*cleaning, assets.features.news, assets.features.news_counts))
    return another_future(tables, raw, 3)


def test_no_column_sees_the_future_and_every_one_follows_it(evidence):
    assert evidence["passed"].all()
    judged = evidence.filter(pl.col("table").str.starts_with("features/"), pl.col("column") != "(rows)")
    alive = judged.group_by("table", "column").agg(pl.col("alive").any())
    assert alive.height == len(NAMES) + 128
    assert alive["alive"].all()
