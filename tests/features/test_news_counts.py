import math
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.features.character_grams import hashed_counts
from assets.features.characters import characters
from assets.features.news_counts import BUCKETS, LONGEST_BODY, NAMES, NewsCounts, news_counts

sys.path.insert(0, str(Path(__file__).parent))
from told import SESSIONS, at, bars_of, calendar_of, random_news, told


def computed(news: pl.DataFrame, bars: pl.DataFrame, sessions: pl.Series = SESSIONS) -> pl.DataFrame:
    return NewsCounts.validate(news_counts(news.lazy(), bars.lazy(), calendar_of(sessions).lazy()).collect())


def cells(table: pl.DataFrame, security: str, session: date) -> np.ndarray:
    return table.filter(security_id=security, session=session).select(NAMES).to_numpy()[0]


def runs(text: str) -> np.ndarray:
    return hashed_counts(characters(pl.Series([text])), BUCKETS)[0]


def damped(counts: np.ndarray) -> np.ndarray:
    return (np.sign(counts) * np.log1p(np.abs(counts))).astype(np.float32)


def test_an_item_counts_from_its_first_decision_on_and_halves_every_three_sessions():
    table = computed(told(("1", "a", "净利润增长", "正文", at(SESSIONS[30], 20))), bars_of("ab"))
    whole = runs("净利润增长\n正文")
    assert not cells(table, "a", SESSIONS[29]).any()
    for lag, weight in ((0, 1.0), (3, 0.5), (19, 2 ** (-19 / 3))):
        np.testing.assert_allclose(cells(table, "a", SESSIONS[30 + lag]), damped(weight * whole), rtol=1e-6)
    assert not cells(table, "a", SESSIONS[50]).any()
    assert not cells(table, "b", SESSIONS[30]).any()


def test_an_item_a_microsecond_after_the_decision_counts_the_next_session():
    late = at(SESSIONS[30], 20) + timedelta(microseconds=1)
    table = computed(told(("1", "a", "up", None, late)), bars_of("a"))
    assert not cells(table, "a", SESSIONS[30]).any()
    np.testing.assert_allclose(cells(table, "a", SESSIONS[31]), damped(runs("up\n").astype(float)), rtol=1e-6)


def test_items_add_up_before_they_are_damped_and_one_told_of_two_counts_for_both():
    news = told(
        ("1", "a", "up", None, at(SESSIONS[30])),
        ("1", "b", "up", None, at(SESSIONS[30])),
        ("2", "a", "up", None, at(SESSIONS[30], 11)),
        ("3", None, "market", None, at(SESSIONS[30])),
    )
    table = computed(news, bars_of("ab"))
    np.testing.assert_allclose(cells(table, "a", SESSIONS[30]), damped(2.0 * runs("up\n")), rtol=1e-6)
    np.testing.assert_allclose(cells(table, "b", SESSIONS[30]), damped(1.0 * runs("up\n")), rtol=1e-6)


def test_only_the_beginning_of_a_body_is_read():
    body = "增" * LONGEST_BODY
    long, short = (told(("1", "a", "t", text, at(SESSIONS[30]))) for text in (body + "跌", body))
    assert_frame_equal(computed(long, bars_of("a")), computed(short, bars_of("a")), check_exact=True)


def test_there_is_one_row_for_each_traded_bar_and_null_before_the_window_is_full():
    bars = bars_of("ab", suspended=(("a", SESSIONS[30]),))
    table = computed(told(("1", "a", "up", None, at(SESSIONS[29]))), bars)
    traded = bars.filter(~pl.col("is_suspended")).select("session", "security_id").sort("session", "security_id")
    assert table.select("session", "security_id").equals(traded)
    known = table.filter(pl.col("ngram_000").is_not_null())["session"].unique().sort()
    assert known.to_list() == SESSIONS[19:].to_list()
    resumed = cells(table, "a", SESSIONS[31])
    np.testing.assert_allclose(resumed, damped(2 ** (-2 / 3) * runs("up\n")), rtol=1e-6)


def test_columns_are_single_precision_and_say_what_they_are():
    assert NewsCounts.column_names()[2:] == list(NAMES)
    assert len(NAMES) == BUCKETS == 128
    assert set(news_counts.table.look_back) == {"news", "calendar"}
    for name in NAMES:
        assert NewsCounts.columns()[name].dtype == pl.Float32
        assert set(NewsCounts.columns()[name].metadata) == {"definition", "unit"}


def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit():
    news, bars = random_news(0), bars_of("ab")
    whole = computed(news, bars)
    start = 45 - news_counts.table.look_back["calendar"]
    later = SESSIONS[start:]
    some = news.filter(pl.col("known_on") >= later[0]).sample(fraction=1.0, shuffle=True, seed=1)
    part = computed(some, bars.filter(pl.col("session") >= SESSIONS[45]), later)
    assert_frame_equal(part, whole.filter(pl.col("session") >= SESSIONS[45]), check_exact=True)


def test_later_items_and_sessions_change_nothing():
    news, bars = random_news(1), bars_of("ab")
    cut = SESSIONS[40]
    early = news.filter(pl.col("available_at") <= at(cut, 20))
    part = computed(early, bars.filter(pl.col("session") <= cut), SESSIONS[:41])
    assert_frame_equal(part, computed(news, bars).filter(pl.col("session") <= cut), check_exact=True)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_counts_are_those_of_a_slow_reference(seed):
    news = random_news(seed, 12)
    table = computed(news, bars_of("ab"))
    for session, security in ((SESSIONS[25], "a"), (SESSIONS[40], "b"), (SESSIONS[60], "a")):
        place = SESSIONS.to_list().index(session)
        total = np.zeros(BUCKETS)
        for row in news.filter(security_id=security).iter_rows(named=True):
            first = next((t for t, s in enumerate(SESSIONS) if at(s, 20) >= row["available_at"]), math.inf)
            if 0 <= place - first < 20:
                total += 2 ** (-(place - first) / 3) * runs(row["title"] + "\n" + row["body"])
        np.testing.assert_allclose(cells(table, security, session), damped(total), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bars", [bars_of("a"), bars_of("a").clear()])
def test_no_news_and_no_bars_are_no_error(bars):
    table = computed(told(("1", "a", "x", None, at(SESSIONS[3]))).clear(), bars)
    assert table.height == bars.height
    assert computed(bars=bars.clear(), news=random_news(0)).is_empty()
