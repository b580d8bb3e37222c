"""As of: the fast read against a loop over the rows, written from the definition alone."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.cleaning.as_of import as_of, as_of_join, holding, holding_join

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2015, 1, 1, 8, tzinfo=SHANGHAI)
SCHEMA = {
    "security_id": pl.String,
    "item": pl.String,
    "revision": pl.Int32,
    "value": pl.Float64,
    "holds": pl.Boolean,
    "available_at": pl.Datetime("us", "Asia/Shanghai"),
}
KEY = ("security_id", "item")
HOURS = st.integers(0, 12)
ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 2), st.sampled_from([1.0, 2.0, None]),
              st.booleans(), st.one_of(HOURS, st.none())),
    max_size=14,
)  # fmt: skip


def hour(number: int | None) -> datetime | None:
    return None if number is None else START + timedelta(hours=number)


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame([(*row[:-1], hour(row[-1])) for row in rows], schema=SCHEMA, orient="row")


def by_hand(facts: pl.DataFrame, instant: datetime, latest: tuple[str, ...] = ("revision",)) -> dict[object, object]:
    """What the definition says, one row after another; null comes before every value."""
    order = [*latest, "available_at", *sorted(set(facts.columns) - {*latest, "available_at"})]
    best: dict[object, tuple[object, ...]] = {}
    for row in facts.iter_rows(named=True):
        if row["available_at"] is None or row["available_at"] > instant:
            continue
        rank = tuple((row[name] is not None, row[name]) for name in order)
        key = tuple(row[name] for name in KEY)
        if key not in best or _above(rank, best[key][0]):
            best[key] = (rank, row)
    return {key: row for key, (_, row) in best.items()}


def _above(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    for (has, value), (had, before) in zip(one, other, strict=True):
        if has != had:
            return has
        if has and value != before:
            return value > before
    return False


def read(facts: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    return as_of(facts.lazy(), instant, KEY).collect()


@settings(max_examples=200, deadline=None)
@given(ROWS, HOURS)
def test_what_was_known_equals_the_definition(rows, when):
    facts = frame(rows)
    found = {tuple(row[name] for name in KEY): row for row in read(facts, hour(when)).iter_rows(named=True)}
    assert found == by_hand(facts, hour(when))


@settings(max_examples=150, deadline=None)
@given(
    ROWS, st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.one_of(HOURS, st.none())), max_size=8)
)
def test_the_join_gives_each_decision_what_was_known_at_its_instant(rows, asked):
    facts = frame(rows)
    decisions = pl.DataFrame(
        [(security, item, hour(at)) for security, item, at in asked],
        schema={"security_id": pl.String, "item": pl.String, "decided_at": SCHEMA["available_at"]},
        orient="row",
    )
    found = as_of_join(decisions.lazy(), facts.lazy(), KEY).collect()
    assert found.select(decisions.columns).equals(decisions)
    for row in found.iter_rows(named=True):
        known = by_hand(facts, row["decided_at"]) if row["decided_at"] else {}
        wanted = known.get((row["security_id"], row["item"]), dict.fromkeys(facts.columns))
        assert all(row[name] == wanted[name] for name in facts.columns if name not in KEY)


@settings(max_examples=150, deadline=None)
@given(ROWS, ROWS, HOURS)
def test_rows_that_come_later_change_nothing(rows, more, when):
    later = [(*row[:-1], row[-1] + when + 1) for row in more if row[-1] is not None]
    assert_frame_equal(read(frame(rows + later), hour(when)), read(frame(rows), hour(when)))


@settings(max_examples=150, deadline=None)
@given(ROWS, HOURS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows, when, rng):
    shuffled = rows.copy()
    rng.shuffle(shuffled)
    assert_frame_equal(read(frame(shuffled), hour(when)), read(frame(rows), hour(when)))
    asked = pl.DataFrame({"security_id": ["a"], "item": ["x"], "decided_at": [hour(when)]})
    one, other = (as_of_join(asked.lazy(), frame(some).lazy(), KEY).collect() for some in (rows, shuffled))
    assert_frame_equal(one, other)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.lists(HOURS, min_size=1, max_size=4, unique=True))
def test_what_held_is_found_for_one_instant_and_for_many(rows, hours):
    facts = frame(rows)
    asked = pl.DataFrame({"decided_at": [hour(number) for number in hours]})
    joined = holding_join(asked.lazy(), facts.lazy(), KEY).collect()
    one_by_one = [
        holding(facts.lazy(), at, KEY).drop("holds").with_columns(decided_at=pl.lit(at)).collect()
        for at in asked["decided_at"]
    ]
    order = ["decided_at", *KEY]
    wanted = pl.concat(one_by_one).with_columns(pl.col("decided_at").dt.convert_time_zone("Asia/Shanghai"))
    columns = [name for name in wanted.columns if name != "decided_at"]
    assert_frame_equal(joined.sort(order), wanted.select("decided_at", *columns).sort(order), check_dtypes=False)
    named = asked.join(pl.DataFrame({"security_id": ["a", "c"]}), how="cross")
    of_names = holding_join(named.lazy(), facts.lazy(), KEY, on=("security_id",)).collect()
    assert_frame_equal(
        of_names.select(joined.columns).sort(order), joined.filter(security_id="a").sort(order), check_dtypes=False
    )


def test_a_row_counts_at_its_own_instant_and_not_a_microsecond_before():
    facts = frame([("a", "x", 0, 1.0, True, 4)])
    assert read(facts, hour(4))["value"].to_list() == [1.0]
    assert read(facts, hour(4) - timedelta(microseconds=1)).is_empty()


def test_the_highest_revision_known_counts_also_when_an_older_one_comes_after_it():
    facts = frame([("a", "x", 1, 2.0, True, 2), ("a", "x", 0, 1.0, True, 5), ("a", "x", 2, 3.0, True, 8)])
    decisions = pl.DataFrame({"security_id": "a", "item": "x", "decided_at": [hour(n) for n in (1, 2, 5, 7, 8)]})
    joined = as_of_join(decisions.lazy(), facts.lazy(), KEY).collect()
    assert joined["value"].to_list() == [None, 2.0, 2.0, 2.0, 3.0]
    assert [read(facts, hour(n))["value"].to_list() for n in (1, 5, 8)] == [[], [2.0], [3.0]]


def test_the_latest_period_known_is_asked_for_by_name():
    rows = [("a", "x", 0, 1.0, True, 1), ("a", "x", 0, 2.0, True, 3), ("a", "x", 1, 1.5, True, 6)]
    facts = frame(rows).with_columns(period=pl.Series([1, 2, 1]))
    decisions = pl.DataFrame({"security_id": "a", "item": "x", "decided_at": [hour(n) for n in (2, 4, 7)]})
    found = as_of_join(decisions.lazy(), facts.lazy(), KEY, latest=("period", "revision")).collect()
    assert found["value"].to_list() == [1.0, 2.0, 2.0]
    assert as_of(facts.lazy(), hour(7), KEY, ("period", "revision")).collect()["value"].to_list() == [2.0]


def test_filtering_after_choosing_would_differ():
    facts = frame([("a", "x", 0, 1.0, True, 1), ("a", "x", 1, 2.0, True, 9)])
    newest_first = facts.sort("revision").unique(["security_id", "item"], keep="last").filter(
        pl.col("available_at") <= hour(5)
    )  # fmt: skip
    assert newest_first.is_empty()
    assert read(facts, hour(5))["value"].to_list() == [1.0]


def test_instants_of_other_time_zones_are_the_same_instants():
    facts = frame([("a", "x", 0, 1.0, True, 4)])
    in_utc = hour(4).astimezone(UTC)
    decisions = pl.DataFrame({"security_id": ["a"], "item": ["x"], "decided_at": [in_utc]})
    assert as_of_join(decisions.lazy(), facts.lazy(), KEY).collect()["value"].to_list() == [1.0]
    assert read(facts, hour(4).astimezone(timezone(timedelta(hours=-5)))).height == 1


def test_what_is_no_instant_or_lacks_a_column_is_refused():
    facts = frame([("a", "x", 0, 1.0, True, 4)])
    asked = pl.DataFrame({"security_id": ["a"], "item": ["x"], "decided_at": [hour(4)]})
    with pytest.raises(ValueError, match="has no time zone and is no instant"):
        as_of(facts.lazy(), datetime(2015, 1, 1), KEY)
    naive = facts.with_columns(pl.col("available_at").dt.replace_time_zone(None))
    with pytest.raises(ValueError, match=r"column 'available_at' is Datetime.* which is no instant"):
        as_of(naive.lazy(), hour(4), KEY)
    with pytest.raises(ValueError, match=r"column 'decided_at' is Datetime.* which is no instant"):
        as_of_join(asked.with_columns(pl.col("decided_at").dt.replace_time_zone(None)).lazy(), facts.lazy(), KEY)
    with pytest.raises(ValueError, match=r"has no column \['theme'\]; it has"):
        as_of(facts.lazy(), hour(4), ("theme",))
    with pytest.raises(ValueError, match=r"decisions and facts both have \['value'\]"):
        as_of_join(asked.with_columns(value=1.0).lazy(), facts.lazy(), KEY)
    with pytest.raises(ValueError, match=r"`on` names \['value'\]"):
        holding_join(asked.with_columns(value=1.0).lazy(), facts.lazy(), KEY, on=("value",))
