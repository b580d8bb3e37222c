"""Rules of cleaning: one tuple lists all of them, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from assets.cleaning.rules.adjustment import ADJUSTMENT_BREAK
from assets.cleaning.rules.attendance import THIN_SESSION
from assets.cleaning.rules.changes import NOT_FINITE, OVERRUN_LIMIT, REUSED_TICKER, SUSPENDED_PRICES
from assets.cleaning.rules.fluctuation import (
    ABNORMAL_FLUCTUATION,
    ABNORMAL_TURNOVER,
    REPEATED_FLUCTUATION,
    SEVERE_FLUCTUATION,
)
from assets.cleaning.rules.listings import LISTING_RUN, NEW_LISTING
from assets.cleaning.rules.manipulation import MANIPULATION
from assets.cleaning.rules.outliers import PRICE_OUTLIER, VOLUME_OUTLIER
from assets.cleaning.rules.refusals import REFUSALS
from assets.cleaning.rules.rule import Change, Mark, Refusal, Rule
from assets.cleaning.rules.trading_halts import LOCKED_DOWN, LOCKED_UP, SUSPENDED, SUSPENSION_GAP
from assets.cleaning.rules.treatment import DELISTING_PERIOD, ST

RULES: tuple[Rule, ...] = (
    NOT_FINITE,
    *REFUSALS,
    REUSED_TICKER,
    OVERRUN_LIMIT,
    SUSPENDED_PRICES,
    SUSPENDED,
    ST,
    NEW_LISTING,
    LISTING_RUN,
    SUSPENSION_GAP,
    DELISTING_PERIOD,
    ADJUSTMENT_BREAK,
    MANIPULATION,
    LOCKED_UP,
    LOCKED_DOWN,
    ABNORMAL_FLUCTUATION,
    SEVERE_FLUCTUATION,
    REPEATED_FLUCTUATION,
    ABNORMAL_TURNOVER,
    PRICE_OUTLIER,
    VOLUME_OUTLIER,
    THIN_SESSION,
)


def changes(rules: Sequence[Rule]) -> tuple[Change, ...]:
    """The rules that rewrite cells, in order."""
    return tuple(rule for rule in rules if isinstance(rule, Change))


def refusals(rules: Sequence[Rule]) -> tuple[Refusal, ...]:
    """The rules that refuse raw rows, in order."""
    return tuple(rule for rule in rules if isinstance(rule, Refusal))


def marks(rules: Sequence[Rule]) -> tuple[Mark, ...]:
    """The rules that mask or flag accepted bars, in order."""
    return tuple(rule for rule in rules if isinstance(rule, Mark))


def without(names: Collection[str], rules: Sequence[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules but those named; an unknown name raises ValueError."""
    if unknown := sorted(set(names) - {rule.name for rule in rules}):
        raise ValueError(f"no cleaning rule is called {unknown}; the rules are {[rule.name for rule in rules]}")
    return tuple(rule for rule in rules if rule.name not in names)
