"""Statements: what counts at an instant is what was published by then, and a late date is never guessed early."""

import math
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from assets.cleaning.as_of import as_of, as_of_join
from assets.cleaning.statements import PERIOD, deadline, judged, statements
from expectations.fact_tables import Statements
from expectations.facts import RawStatements

SHANGHAI = ZoneInfo("Asia/Shanghai")
END, PUBLISHED = date(2014, 3, 31), date(2014, 4, 22)


def at(day: date, hour: int = 8) -> datetime:
    return datetime.combine(day, time(hour), SHANGHAI)


def row(**changes: object) -> dict[str, object]:
    good = {
        "security_id": "sh600001", "period_end": END, "item": "net_profit", "value": 5e6, "revision": 0,
        "published_on": PUBLISHED, "available_at": at(PUBLISHED, 21),
    }  # fmt: skip
    return good | changes


def admitted(rows_of, *rows: dict[str, object]) -> pl.DataFrame:
    return Statements.validate(statements(rows_of(RawStatements, list(rows)).lazy()).collect())


def verdicts(rows_of, *rows: dict[str, object]) -> list[tuple[str | None, str | None]]:
    return judged(rows_of(RawStatements, list(rows))).sort("_row").select("rule", "reason").rows()


BROKEN = [
    (dict(security_id=None), "missing_key", "security_id missing, period_end 2014-03-31"),
    (dict(item=None), "missing_key", "item missing"),
    (dict(revision=None), "missing_key", "revision missing"),
    (dict(period_end=None), "missing_key", "period_end missing"),
    (dict(period_end=date(2014, 3, 30)), "not_a_quarter_end", "period_end 2014-03-30 is not the last day of a quarter"),
    (dict(period_end=date(2014, 2, 28)), "not_a_quarter_end", "2014-02-28"),
    (dict(revision=-1), "negative_revision", "revision -1; the first is 0"),
    (dict(revision=1, published_on=None, available_at=None), "undated_revision", "revision 1 has no date"),
    (dict(value=None), "missing_value", "net_profit has no value"),
    (dict(value=math.nan), "not_finite", "value NaN; a value must be a finite number"),
    (dict(value=math.inf), "not_finite", "value inf"),
    (dict(published_on=END), "published_before_period_end", "published on 2014-03-31, but the period lasts to 2014-03"),
    (dict(published_on=date(2014, 4, 23)), "published_after_available", "2014-04-23, later than available_at 2014-04"),
    (dict(known_on=date(2014, 4, 1)), "known_before_available", "delivered as known on 2014-04-01, but available only"),
]


@pytest.mark.parametrize(("changes", "rule", "found"), BROKEN)
def test_a_broken_row_is_refused_by_its_rule_with_the_values_found(rows_of, changes, rule, found):
    [(broken, reason)] = verdicts(rows_of, row(**changes))
    assert broken == rule
    assert found in reason


def test_a_publication_with_its_hour_is_known_from_that_hour_on(rows_of):
    found = admitted(rows_of, row()).row(0, named=True)
    assert (found["available_at"], found["known_on"]) == (at(PUBLISHED, 21), PUBLISHED)
    assert not found["is_deadline_assumed"]


@pytest.mark.parametrize("told", [None, at(PUBLISHED, 0)])
def test_a_publication_without_an_hour_is_known_from_the_morning_after(rows_of, told):
    found = admitted(rows_of, row(available_at=told, known_on=PUBLISHED)).row(0, named=True)
    assert found["available_at"] == at(PUBLISHED + timedelta(days=1))
    assert (found["known_on"], found["published_on"]) == (PUBLISHED + timedelta(days=1), PUBLISHED)


@pytest.mark.parametrize(
    ("end", "day"),
    [
        (date(2014, 3, 31), date(2014, 4, 30)),
        (date(2014, 6, 30), date(2014, 8, 31)),
        (date(2014, 9, 30), date(2014, 10, 31)),
        (date(2014, 12, 31), date(2015, 4, 30)),
    ],
)
def test_without_a_date_it_is_the_legal_deadline_never_period_end_plus_45_days(rows_of, end, day):
    assert pl.select(deadline(pl.lit(end))).item() == day
    found = admitted(rows_of, row(period_end=end, published_on=None, available_at=None)).row(0, named=True)
    assert found["is_deadline_assumed"]
    assert (found["published_on"], found["available_at"]) == (day, at(day + timedelta(days=1)))


def test_an_instant_without_a_date_of_publication_counts_only_where_it_is_later_than_the_deadline(rows_of):
    guess, late = at(END + timedelta(days=20)), at(date(2014, 6, 1))
    found = [admitted(rows_of, row(published_on=None, available_at=told))["available_at"][0] for told in (guess, late)]
    assert found == [at(date(2014, 5, 1)), late]


def test_a_copy_is_refused_and_the_first_known_is_kept(rows_of):
    late = row(available_at=at(PUBLISHED + timedelta(days=9)), delivery="late.csv")
    assert [rule for rule, _ in verdicts(rows_of, late, row(), row(delivery="twin.csv"))] == [
        "duplicate",
        None,
        "duplicate",
    ]


def test_another_value_for_the_same_revision_is_refused_and_the_first_known_stays(rows_of):
    other = row(value=6e6, available_at=at(PUBLISHED + timedelta(days=9)))
    found = verdicts(rows_of, other, row())
    assert [rule for rule, _ in found] == ["contradiction", None]
    assert "an earlier row for sh600001, 2014-03-31, net_profit, 0 says otherwise; this one has value 6" in found[0][1]
    both = verdicts(rows_of, row(), row(value=6e6))
    assert [rule for rule, _ in both] == ["contradiction", "contradiction"]


def test_a_revision_that_comes_after_a_higher_one_or_is_dated_before_it_is_refused(rows_of):
    second = row(revision=2, published_on=date(2014, 5, 9), available_at=at(date(2014, 5, 10)))
    behind = row(revision=1, published_on=date(2014, 5, 20), available_at=at(date(2014, 5, 21)))
    backdated = row(revision=3, published_on=date(2014, 5, 8), available_at=at(date(2014, 6, 1)))
    assert [rule for rule, _ in verdicts(rows_of, backdated, behind, second, row())] == [
        "revision_out_of_order", "revision_out_of_order", None, None,
    ]  # fmt: skip


def test_the_value_as_of_t_is_the_one_published_by_t_for_a_thousand_instants(rows_of):
    rng = np.random.default_rng(1)
    rows = []
    for number in range(60):
        day = date(2014, 4, 1)
        for revision in range(int(rng.integers(1, 6))):
            day += timedelta(days=int(rng.integers(1, 90)))
            rows.append(
                row(security_id=f"sz{number % 12:06d}", item=f"item{number // 12}", value=float(rng.normal()),
                    revision=revision, published_on=day, available_at=at(day, int(rng.integers(1, 24))))
            )  # fmt: skip
    rng.shuffle(rows)
    found = admitted(rows_of, *rows)
    assert found.height == len(rows)
    instants = [at(date(2014, 4, 1)) + timedelta(minutes=int(m)) for m in rng.integers(0, 450 * 1440, 1000)]
    asked = [rows[int(i)] for i in rng.integers(0, len(rows), 1000)]
    decisions = pl.DataFrame(
        [{"decided_at": t} | {name: one[name] for name in PERIOD} for t, one in zip(instants, asked, strict=True)]
    )
    joined = as_of_join(decisions.lazy(), found.lazy(), PERIOD).collect()
    for t, one, value in zip(instants, asked, joined["value"], strict=True):
        history = [r for r in rows if all(r[name] == one[name] for name in PERIOD) and r["available_at"] <= t]
        wanted = max(history, key=lambda r: r["revision"])["value"] if history else None
        assert value == wanted
    for t in instants[:50]:
        known = as_of(found.lazy(), t, PERIOD).collect()
        assert known["available_at"].max() is None or known["available_at"].max() <= t
        assert known.height == len({tuple(r[name] for name in PERIOD) for r in rows if r["available_at"] <= t})


def test_no_rows_give_no_rows():
    assert statements(RawStatements.create_empty().lazy()).collect().is_empty()
