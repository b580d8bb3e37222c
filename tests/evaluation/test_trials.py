"""Trials: one configuration counts once; a family is what overlaps in source, universe and test sessions."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assets.evaluation.trials import (
    Entered,
    Scored,
    Trial,
    is_entered,
    members_of,
    overlap,
    records_of,
    trial_id,
    trials_of,
)
from assets.hash_chain import extended

AT = datetime(2026, 11, 23, tzinfo=UTC)
DAY = date(2015, 1, 1)


def made(name: str, source: str = "market", basket: tuple[str, ...] | None = None, first: int = 0, last: int = 9):
    days = (DAY + timedelta(days=number) for number in (first, last))
    return Trial(id=name, source=source, basket=basket, first_test=next(days), last_test=next(days))


def entered(*trials: Trial) -> list[Entered | Scored]:
    return [Entered(trial=trial, experiment=f"study_{trial.id}", at=AT) for trial in trials]


TRIALS = st.builds(
    lambda name, source, basket, first, length: made(name, source, basket, first, first + length),
    st.sampled_from("abcdef"),
    st.sampled_from(["x", "y"]),
    st.one_of(st.none(), st.lists(st.sampled_from(["s1", "s2", "s3"]), min_size=1).map(lambda ids: tuple(set(ids)))),
    st.integers(0, 20),
    st.integers(0, 10),
)


@given(TRIALS, TRIALS)
def test_overlap_is_mutual_and_with_itself(one, other):
    assert overlap(one, one)
    assert overlap(one, other) == overlap(other, one)


@pytest.mark.parametrize(
    ("other", "together"),
    [
        ({}, True),
        ({"source": "elsewhere"}, False),
        ({"first": 9, "last": 20}, True),
        ({"first": 10, "last": 20}, False),
        ({"basket": ("a", "b")}, True),
        ({"basket": ("c",)}, False),
        ({"basket": None}, True),
    ],
)
def test_a_family_shares_source_universe_and_test_sessions(other, together):
    own = made("own", basket=("b", "d"))
    assert overlap(own, made("other", **{"basket": ("b",), **other})) is together
    members = members_of(entered(own, made("other", **{"basket": ("b",), **other})), own)
    assert members["trial_id"].to_list() == (["own", "other"] if together else ["own"])


@given(st.lists(TRIALS.map(lambda trial: trial.model_copy(update={"source": "x", "basket": None})), min_size=1))
def test_a_trial_counts_once_however_often_it_was_entered(trials):
    records = entered(*trials)
    own = trials[0]
    members = members_of(records, own)
    assert members["trial_id"].is_unique().all()
    assert set(members["trial_id"]) <= {trial.id for trial in trials}
    assert members_of([*records, *records], own).equals(members)
    for trial in trials:
        assert is_entered(records, trial)
        assert overlap(trials_of(records)[trial.id], trial)


def test_a_trial_that_reaches_further_is_entered_again_and_has_all_its_sessions():
    short, long = made("a", last=9), made("a", first=5, last=30)
    assert is_entered(entered(short), short)
    assert not is_entered(entered(short), long)
    assert not is_entered([], short)
    assert trials_of(entered(short, long))["a"] == made("a", first=0, last=30)


def test_the_last_returns_of_a_trial_count_and_one_without_any_is_in_the_family():
    a, b = made("a"), made("b")
    stored = [Scored(trial_id="a", content=content, sessions=n, at=AT) for content, n in (("old", 3), ("new", 4))]
    members = members_of([*entered(a, b), *stored], b)
    assert members.select("trial_id", "experiment", "returns", "sessions").rows() == [
        ("a", "study_a", "new", 4),
        ("b", "study_b", None, None),
    ]


def test_records_come_back_from_a_chain_as_they_went_into_it():
    records = [*entered(made("a", basket=("s1", "s2"))), Scored(trial_id="a", content="c", sessions=1, at=AT)]
    chain = []
    for record in records:
        chain = extended(chain, record.model_dump(mode="json"))
    assert records_of(chain) == records
    with pytest.raises(ValidationError, match="kind"):
        records_of(extended([], {"kind": "opened"}))


def test_a_digest_does_not_follow_the_order_of_the_settings():
    assert trial_id({"a": 1, "b": [1, 2]}) == trial_id({"b": [1, 2], "a": 1})
    assert trial_id({"a": 1}) != trial_id({"a": 2})
