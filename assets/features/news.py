"""News flow: how much was told of a security, how new it was and in which tone, over the last one to 120 sessions.

Items count from the first decision that knows them. What is told of the whole market has no column here: it is the
same for every security of a session and ranks none.
"""
# I items, R rows, N different texts, L lags

from __future__ import annotations

from datetime import time
from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl

from assets.features.character_grams import novelty
from assets.features.characters import Characters, characters
from assets.features.decay import decay
from assets.features.lexicon.finance import sign_counts, tone
from assets.features.news_items import Items, by_security, items, of_texts
from assets.features.trailing_items import Floats, Trail
from assets.table import table
from expectations.fact_tables import News
from expectations.tables import Bars, Calendar, Keyed

CLOSE = time(15)
KINDS = {"news": "news", "announcement": "announcements"}
LONGEST_BODY = 1000
"""Characters of a body that are read for its tone; for novelty the first 200."""
LONGEST_COMPARED = 200
NOVELTY_SESSIONS = 20
SURPRISE_SESSIONS = 60
WINDOWS = {2: 12, 5: 30, 20: 120}
"""Half-life of a decay -> sessions after which it ends, with a weight of 1/64."""
LOOK_BACK = max(WINDOWS.values()) + 1


def number(definition: str, unit: str) -> dy.Float64:
    """A column of this table."""
    return dy.Float64(nullable=True, metadata={"definition": definition, "unit": unit})


def tone_decayed(sessions: int, of_what: str = "item") -> dy.Float64:
    """A column that sums tones over items, newer ones weighing more."""
    return number(
        f"sum of the tone of each {of_what}, halved every {sessions} sessions, over {WINDOWS[sessions]}; an item "
        f"without a signed word adds 0; null on the first {sessions} sessions of the calendar",
        "tones of one item, each -1 to 1",
    )


class NewsFlow(Keyed):
    """Counts, novelty and tone of announcements and news; a window before the start of the calendar gives null."""

    asset_key: ClassVar[str] = "features/news"
    is_sequence: ClassVar[bool] = False

    news_items_1d = number("news that this decision is the first to know", "items")
    news_items_5d = number("news of the last 5 sessions", "items")
    news_items_20d = number("news of the last 20 sessions", "items")
    announcement_items_1d = number("announcements that this decision is the first to know", "items")
    announcement_items_5d = number("announcements of the last 5 sessions", "items")
    announcement_items_20d = number("announcements of the last 20 sessions", "items")
    news_surprise_60d = number(
        "log of 1 + items of this session over 1 + the security's own mean of the 60 sessions before", "log ratio"
    )
    sessions_since_news_60d = number("sessions since the last item; null where 60 sessions had none", "sessions")
    after_close_share_20d = number(
        "share of the items of the last 20 sessions that came after 15:00 and by the decision of their session, "
        "so that no price of it could answer; null without items",
        "fraction, 0 to 1",
    )
    news_novelty_1d = number(
        "mean over the items of the session of the share of runs of 3 characters that no item of the security had in "
        "the 20 sessions before; null without items",
        "fraction, 0 to 1",
    )
    news_novelty_20d = number("the same over the items of the last 20 sessions; null without items", "fraction, 0 to 1")
    title_tone_5d = number(
        "positive less negative words over both in titles, mean of the items of the last 5 sessions that have such "
        "words; null without",
        "tone, -1 to 1",
    )
    text_tone_1d = number("the same of title and body together, items of the session", "tone, -1 to 1")
    text_tone_20d = number("the same of title and body together, items of the last 20 sessions", "tone, -1 to 1")
    after_close_tone_1d = number(
        "sum of the tones of items of the session that came after 15:00; 0 without items", "tones of one item"
    )
    news_tone_half_life_2d = tone_decayed(2)
    news_tone_half_life_5d = tone_decayed(5)
    news_tone_half_life_20d = tone_decayed(20)
    novel_tone_half_life_5d = tone_decayed(5, "item times its novelty")


@table(look_back={"news": LOOK_BACK, "calendar": LOOK_BACK})
def news(
    news: dy.LazyFrame[News], bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]
) -> dy.LazyFrame[NewsFlow]:
    """One row per traded bar: how much was told, how new, in which tone, by the decision of its session.

    The tone of an item is that of its signed words (see the lexicon), its novelty is told by runs of characters, so
    that neither needs a tool that parts Chinese words. Whatever is added is added item by item in the order in which
    the items came.
    """
    found = items(news, bars, calendar)
    columns = _columns(found.trail, _values(found))
    series = [pl.Series(name, values_R, nan_to_null=True) for name, values_R in columns.items()]
    return NewsFlow.cast(found.rows.with_columns(series).lazy())


def _values(found: Items) -> dict[str, Floats]:
    """What is summed of each item, [I] each; a tone that is not known is 0."""
    titles, bodies = found.texts["title"], found.texts["body"].str.slice(0, LONGEST_BODY)
    title_N2, body_N2 = of_texts(titles, sign_counts), of_texts(bodies, sign_counts)
    title_I, text_I = tone(title_N2)[found.of_text], tone(title_N2 + body_N2)[found.of_text]
    is_news_I = (found.told["kind"] == "news").to_numpy().astype(np.float64)
    tone_I, novelty_I, late_I = np.nan_to_num(text_I), _novelty(found), _after_close(found.told)
    return {
        "news": is_news_I,
        "announcements": 1.0 - is_news_I,
        "items": np.ones(len(is_news_I)),
        "late": late_I,
        "novelty": novelty_I,
        "tone": tone_I,
        "toned": np.isfinite(text_I).astype(np.float64),
        "title_tone": np.nan_to_num(title_I),
        "title_toned": np.isfinite(title_I).astype(np.float64),
        "late_tone": late_I * tone_I,
        "novel_tone": novelty_I * tone_I,
    }


def _columns(trail: Trail, values: dict[str, Floats]) -> dict[str, Floats]:
    """The columns of the table, [R] each; NaN where not known."""
    of_1d = _totals(trail, values, ("news", "announcements", "novelty", "items", "tone", "toned", "late_tone"), 1)
    of_5d = _totals(trail, values, ("news", "announcements", "title_tone", "title_toned"), 5)
    of_20d = _totals(trail, values, ("news", "announcements", "novelty", "items", "tone", "toned", "late"), 20)
    return {
        **{f"{kind}_items_1d": of_1d[plural] for kind, plural in KINDS.items()},
        **{f"{kind}_items_5d": of_5d[plural] for kind, plural in KINDS.items()},
        **{f"{kind}_items_20d": of_20d[plural] for kind, plural in KINDS.items()},
        "news_surprise_60d": _surprise(trail, values, of_1d["items"]),
        "sessions_since_news_60d": trail.since_last(SURPRISE_SESSIONS),
        "after_close_share_20d": _ratio(of_20d["late"], of_20d["items"]),
        "news_novelty_1d": _from_place(trail, NOVELTY_SESSIONS, _ratio(of_1d["novelty"], of_1d["items"])),
        "news_novelty_20d": _from_place(trail, 19 + NOVELTY_SESSIONS, _ratio(of_20d["novelty"], of_20d["items"])),
        "title_tone_5d": _ratio(of_5d["title_tone"], of_5d["title_toned"]),
        "text_tone_1d": _ratio(of_1d["tone"], of_1d["toned"]),
        "text_tone_20d": _ratio(of_20d["tone"], of_20d["toned"]),
        "after_close_tone_1d": of_1d["late_tone"],
        **{f"news_tone_half_life_{half}d": _decayed(trail, values["tone"], half) for half in WINDOWS},
        "novel_tone_half_life_5d": _decayed(trail, values["novel_tone"], 5),
    }


def _totals(trail: Trail, values: dict[str, Floats], names: tuple[str, ...], window: int) -> dict[str, Floats]:
    """Plain sums over the last sessions, [R] each; NaN where the window begins before the calendar."""
    sums_RK = trail.sums(np.column_stack([values[name] for name in names]), np.ones(window))
    return {name: _from_place(trail, window - 1, sums_RK[:, k]) for k, name in enumerate(names)}


def _decayed(trail: Trail, values_I: Floats, half: int) -> Floats:
    sums_RK = trail.sums(values_I[:, None], decay(half, WINDOWS[half]))
    return _from_place(trail, half - 1, sums_RK[:, 0])


def _surprise(trail: Trail, values: dict[str, Floats], today_R: Floats) -> Floats:
    before_L = np.append(0.0, np.ones(SURPRISE_SESSIONS))
    before_RK = trail.sums(values["items"][:, None], before_L)
    log_ratio_R = np.log1p(today_R) - np.log1p(before_RK[:, 0] / SURPRISE_SESSIONS)
    return _from_place(trail, SURPRISE_SESSIONS, log_ratio_R)


def _from_place(trail: Trail, first: int, values_R: Floats) -> Floats:
    """The values, NaN on the `first` sessions of the calendar."""
    return np.where(trail.place_R >= first, values_R, np.nan)


def _ratio(part_R: Floats, whole_R: Floats) -> Floats:
    return part_R / np.where(whole_R > 0, whole_R, np.nan)


def _after_close(told: pl.DataFrame) -> Floats:
    """1 for an item that came on the day of its session after the last trade, [I]."""
    day, hour = pl.col("available_at").dt.date(), pl.col("available_at").dt.time()
    late = (day == pl.col("first_session")) & (hour > CLOSE)
    return told.select(late.cast(pl.Float64)).to_series().to_numpy()


def _novelty(found: Items) -> Floats:
    """Novelty of each item, [I], security by security."""
    trail = found.trail
    novelty_I = np.empty(len(trail.place_I))
    for part in by_security(trail.security_I):
        texts = found.texts[found.of_text[part]]
        novelty_I[part] = novelty(_compared(texts), trail.security_I[part], trail.place_I[part], NOVELTY_SESSIONS)
    return novelty_I


def _compared(texts: pl.DataFrame) -> Characters:
    both = pl.col("title") + pl.lit("\n") + pl.col("body").fill_null("")
    return characters(texts.select(text=both.str.slice(0, LONGEST_COMPARED))["text"])
