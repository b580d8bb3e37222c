"""Market policy: public measures, the industries that they touch, and the reaction that spreads out over sessions."""
# E measures, I touched industries of all measures, S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from assets.sources.embedded.calendar import dates_of, days_of, first_to_know, moments
from assets.sources.embedded.industries import INDUSTRIES
from assets.sources.embedded.streams import Floats, Places, Singles, Streams
from expectations.facts import RawPolicyEvents

RATE = 0.1
"""Measures per session."""
MOST_INDUSTRIES = 4
THEMES = (
    "环保限产",
    "供给侧改革",
    "基础设施建设",
    "新能源补贴",
    "房地产调控",
    "医药集中采购",
    "金融监管",
    "消费促进",
    "国企改革",
    "对外贸易",
)
SUPPORTS = (
    "国务院常务会议部署{}工作，加大对{}行业的支持力度",
    "发改委印发{}实施方案，支持{}行业加快发展",
    "财政部明确{}有关政策，对{}行业给予税收优惠",
)
RESTRICTS = (
    "国务院常务会议研究{}问题，要求从严规范{}行业",
    "发改委发布{}有关通知，压减{}行业过剩产能",
    "监管部门就{}开展专项检查，收紧{}行业准入",
)


@dataclass(frozen=True)
class Policy:
    """Measures in order; one entry for each industry that a measure touches, [I].

    direction_E  1 for support and -1 for restriction
    known_E      place of the first session whose decision knows it
    """

    day_E: Places
    minute_E: Places
    known_E: Places
    theme_E: Places
    wording_E: Places
    direction_E: Floats
    event_I: Places
    industry_I: Places

    def shocks(self, industry_TS: np.ndarray) -> Singles:
        """Directions at the session whose decision is the first to know them, for securities of touched industries."""
        found_TS = np.zeros(industry_TS.shape, np.float32)
        at_I = self.known_E[self.event_I]
        for event, industry, t in zip(self.event_I, self.industry_I, at_I, strict=True):
            if 0 <= t < len(found_TS):
                found_TS[t] += np.float32(self.direction_E[event]) * (industry_TS[t] == industry)
        return found_TS

    def table(self) -> pl.DataFrame:
        """Rows of RawPolicyEvents, one for each industry that a measure touches."""
        told = self.event_I
        direction, wording = self.direction_E[told], self.wording_E[told]
        sentences = pl.Series([*SUPPORTS, *RESTRICTS]).gather(wording + len(SUPPORTS) * (direction < 0))
        industry, theme = pl.Series(INDUSTRIES).gather(self.industry_I), pl.Series(THEMES).gather(self.theme_E[told])
        names = (
            pl.DataFrame({"event": told, "industry": industry})
            .group_by("event", maintain_order=True)
            .agg(pl.col("industry").str.join("、").alias("names"))
        )
        rows = pl.DataFrame(
            {
                "known_on": dates_of(self.day_E[told]),
                "available_at": moments(self.day_E[told], self.minute_E[told]),
                "event": told,
                "theme": theme,
                "industry": industry,
                "sentence": sentences,
            }
        ).join(names, on="event", maintain_order="left")
        return rows.select(
            "known_on",
            "available_at",
            pl.lit("synthetic_market").alias("delivery"),
            pl.format("policy-{}", pl.col("event").cast(pl.String).str.zfill(5)).alias("event_id"),
            "theme",
            "industry",
            pl.col("sentence")
            .str.replace("{}", pl.col("theme"), literal=True)
            .str.replace("{}", pl.col("names"), literal=True)
            .alias("title"),
        ).select(RawPolicyEvents.column_names())


def draw_policy(streams: Streams, sessions: Sequence[date], industries: int) -> Policy:
    """Measures of the whole span, on any day of the week, most of them in the afternoon or the evening."""
    rng = streams.fixed("policy")
    first, last = days_of([sessions[0], sessions[-1]])
    many = int(rng.poisson(RATE * len(sessions)))
    day_E = np.sort(rng.integers(first, last + 1, many))
    minute_E = rng.integers(9 * 60, 22 * 60, many)
    order = np.lexsort((minute_E, day_E))
    day_E, minute_E = day_E[order], minute_E[order]
    known_E = first_to_know(sessions, day_E, minute_E)
    touched_E = rng.integers(1, min(MOST_INDUSTRIES, industries) + 1, many)
    event_I = np.repeat(np.arange(many), touched_E)
    picked_EK = rng.random((many, industries)).argsort(axis=1)
    industry_I = np.concatenate([picked_EK[e, :n] for e, n in enumerate(touched_E)]) if many else event_I
    return Policy(
        day_E=day_E,
        minute_E=minute_E,
        known_E=known_E,
        theme_E=rng.integers(0, len(THEMES), many),
        wording_E=rng.integers(0, len(SUPPORTS), many),
        direction_E=np.where(streams.told("policy_direction", known_E) >= 0, 1.0, -1.0),
        event_I=event_I,
        industry_I=industry_I,
    )
