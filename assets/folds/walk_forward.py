"""Walk-forward: train, validation and test windows that move on by one test window at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from expectations.decisions import decision_instant
from expectations.tables import LONGEST_CLOSURE

Months = str

YEAR = 12


class WalkForwardSpec(BaseModel):
    """Start of the first test window and the lengths of the three windows, in whole months such as '24mo'."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_test: date
    train: Months
    valid: Months
    test: Months

    @field_validator("train", "valid", "test")
    @classmethod
    def _is_a_number_of_months(cls, value: str, info: ValidationInfo) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,3}mo", value):
            raise ValueError(f"{info.field_name} is '{value}'; write a whole number of months above 0, such as '24mo'")
        return value

    @field_validator("test")
    @classmethod
    def _divides_the_year(cls, value: str) -> str:
        if YEAR % months(value):
            raise ValueError(f"test is '{value}'; folds start in the same months every year: use 1, 2, 3, 4, 6 or 12mo")
        return value

    @field_validator("first_test")
    @classmethod
    def _starts_a_month(cls, value: date) -> date:
        if value.day != 1:
            raise ValueError(
                f"first_test is {value}; windows are whole months: use {value.replace(day=1)} or {later(value, 1)}"
            )
        return value


@dataclass(frozen=True)
class Fold:
    """Windows of one fold as calendar dates; each ends, exclusively, where the next begins. `key` is the test start."""

    key: str
    train_start: date
    valid_start: date
    test_start: date
    test_end: date


def months(length: Months) -> int:
    """Number of months in a length such as '24mo'."""
    return int(length.removesuffix("mo"))


def later(day: date, by: int) -> date:
    """First day of the month `by` months after that of `day`; earlier when negative."""
    number = day.year * YEAR + day.month - 1 + by
    return date(number // YEAR, number % YEAR + 1, 1)


def last_month(fold: Fold) -> str:
    """Last month of the test window, as 2015-12."""
    return f"{later(fold.test_end, -1):%Y-%m}"


def folds(spec: WalkForwardSpec, first_session: date, last_session: date, end_offset: int = 0) -> tuple[Fold, ...]:
    """Every fold from `spec.first_test` on whose test window the source's declared span covers.

    first_session, last_session  first and last date that the source declares; an exchange holiday may part them from
                                 the edge of a window
    end_offset                   how many later windows follow; 1 for a live source, whose current window needs a model
    raises                       ValueError when the first training window starts before the span, or none is covered
    """
    first = _fold(spec, 0)
    if first.train_start < first_session - LONGEST_CLOSURE:
        reach = months(spec.train) + months(spec.valid)
        earliest = later(first_session - LONGEST_CLOSURE - timedelta(days=1), 1 + reach)
        raise ValueError(
            f"first_test {spec.first_test} leaves no training data: train {spec.train} and valid {spec.valid} before "
            f"it start on {first.train_start}, the source on {first_session}. The earliest first_test is {earliest}; "
            "use it, shorten train or valid, or read an earlier source."
        )
    found = tuple(_covered(spec, last_session, end_offset))
    if not found:
        raise ValueError(
            f"no test window is covered: the first is {first.test_start} to {first.test_end} (exclusive), the source "
            f"ends on {last_session}. Use an earlier first_test, a shorter test than {spec.test}, or a later source."
        )
    return found


def begun(spec: WalkForwardSpec, first_session: date, reached: date) -> tuple[Fold, ...]:
    """Every fold of a source that goes on whose test window its bars have come to; the last one may still grow.

    reached  the last date that the bars have come to
    raises   ValueError as `folds`, and where no test window has begun
    """
    found = tuple(fold for fold in folds(spec, first_session, reached, end_offset=1) if due(fold, reached))
    if not found:
        raise ValueError(
            f"no test window has begun: the first starts on {spec.first_test}, the bars end on {reached}. Use an "
            "earlier first_test, or wait for the bars."
        )
    return found


def scheme(spec: WalkForwardSpec) -> str:
    """Name of the partition scheme, equal exactly for specs with the same grid of keys: '6mo_from_2015_01'."""
    return f"{spec.test}_from_{spec.first_test:%Y_%m}"


def start_months(spec: WalkForwardSpec) -> tuple[int, ...]:
    """Months of the year, 1 to 12, in which a test window starts."""
    step = months(spec.test)
    return tuple(sorted((spec.first_test.month - 1 + step * i) % YEAR + 1 for i in range(YEAR // step)))


def due(fold: Fold, last_session: date) -> bool:
    """Whether the training interval is complete: bars reach the test window, whose first session settles the purge."""
    return last_session >= fold.test_start


def segments(labels: pl.DataFrame, fold: Fold, decided_hour: int) -> pl.DataFrame:
    """`labels` with a column `segment`: train, valid, test, purged or outside, by the true interval of each label.

    labels        rows of ForwardReturns for one horizon
    decided_hour  hour of the decision in exchange time
    A train row left its position strictly before the first decision of valid, a valid row before that of test. Rows of
    these two windows without a settled exit are purged; a test row always stays.
    """
    session, left = pl.col("session"), pl.col("exited_at")
    sessions = labels["session"]
    valid_opens = _first_decision(sessions, fold.valid_start, fold.test_start, decided_hour)
    test_opens = _first_decision(sessions, fold.test_start, fold.test_end, decided_hour)
    is_train = session.is_between(fold.train_start, fold.valid_start, closed="left")
    is_valid = session.is_between(fold.valid_start, fold.test_start, closed="left")
    is_test = session.is_between(fold.test_start, fold.test_end, closed="left")
    return labels.with_columns(
        segment=pl.when(is_test)
        .then(pl.lit("test"))
        .when(is_train & (left < valid_opens).fill_null(value=False))
        .then(pl.lit("train"))
        .when(is_valid & (left < test_opens).fill_null(value=False))
        .then(pl.lit("valid"))
        .when(is_train | is_valid)
        .then(pl.lit("purged"))
        .otherwise(pl.lit("outside"))
    )


def _fold(spec: WalkForwardSpec, number: int) -> Fold:
    start = later(spec.first_test, number * months(spec.test))
    valid_start = later(start, -months(spec.valid))
    return Fold(
        key=start.isoformat(),
        train_start=later(valid_start, -months(spec.train)),
        valid_start=valid_start,
        test_start=start,
        test_end=later(start, months(spec.test)),
    )


def _covered(spec: WalkForwardSpec, last_session: date, end_offset: int) -> Iterator[Fold]:
    number = 0
    while _fold(spec, number - end_offset).test_end <= last_session + LONGEST_CLOSURE:
        yield _fold(spec, number)
        number += 1


def _first_decision(sessions: pl.Series, start: date, end: date, hour: int) -> datetime:
    inside = sessions.filter(sessions.is_between(start, end, closed="left"))
    first = inside.min()
    return decision_instant(first if isinstance(first, date) else start, hour)
