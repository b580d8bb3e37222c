"""Fact admission: changes judged one after another, against a loop over them written from the definition."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.as_of import holding
from assets.cleaning.fact_admission import WEIGHT_TOLERANCE
from assets.cleaning.index_members import index_members
from assets.cleaning.index_members import judged as judged_members
from assets.cleaning.industries import industries
from assets.cleaning.industries import judged as judged_industries
from assets.cleaning.supply_chain import judged as judged_edges
from expectations.fact_tables import IndexMembers, Industries
from expectations.facts import RawIndexMembers, RawIndustries, RawSupplyChain

START = datetime(2014, 1, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
CHANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans(), st.integers(0, 8),
              st.sampled_from([0.0, 0.3, 0.5, 0.8])),
    max_size=16,
)  # fmt: skip


def frame(table, columns, rows) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in table.columns().items()}
    made = []
    for group, member, holds, day, weight in rows:
        when = START + timedelta(days=day)
        told = {"holds": holds, "available_at": when, "known_on": when.date(), "delivery": "a.csv"}
        told |= {"weight": weight} if "weight" in schema else {}
        made.append(dict(zip(columns, (group, member), strict=True)) | told)
    return pl.DataFrame(made, schema=schema)


def by_hand(rows, size_of) -> list[str | None]:
    """Instant by instant: what is told twice, what clashes, what is too much, what changes nothing."""
    rules: list[str | None] = [None] * len(rows)
    state: dict[tuple[str, str], tuple[bool, float]] = {}
    for day in sorted({row[3] for row in rows}):
        here = [i for i, row in enumerate(rows) if row[3] == day]
        single = _told_once(rows, here, size_of, rules)
        for group in {rows[i][0] for i in single}:
            mine = {rows[i][:2]: (i, rows[i][2], size_of(rows[i])[1]) for i in single if rows[i][0] == group}
            _step(mine, group, state, rules)
    return rules


def _told_once(rows, here, size_of, rules) -> list[int]:
    told: dict[tuple[str, str], list[int]] = {}
    for i in here:
        told.setdefault(rows[i][:2], []).append(i)
    single = []
    for same in told.values():
        clash = len({size_of(rows[i]) for i in same}) > 1
        for i in same if clash else same[1:]:
            rules[i] = "contradiction" if clash else "duplicate"
        single += [] if clash else same[:1]
    return single


def _step(mine, group, state, rules) -> None:
    after = state | {key: told[1:] for key, told in mine.items()}
    full = sum(_size(after, key) for key in after if key[0] == group) > 1 + WEIGHT_TOLERANCE
    before = dict(state)
    for key, (i, *told) in mine.items():
        if full and _size(after, key) > _size(before, key):
            rules[i] = "crowded"
        elif told[0] and before.get(key) == tuple(told):
            rules[i] = "duplicate"
        elif not told[0] and not before.get(key, (False,))[0]:
            rules[i] = "end_before_beginning"
        else:
            state[key] = tuple(told)


def _size(state, key) -> float:
    holds, size = state.get(key, (False, 0.0))
    return size if holds else 0.0


def verdicts(judge, raw: pl.DataFrame, crowded: str) -> list[str | None]:
    return [None if rule is None else rule.replace(crowded, "crowded") for rule in judge(raw).sort("_row")["rule"]]


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_memberships_are_judged_as_one_after_another(rows):
    raw = frame(RawIndustries, ("security_id", "industry"), rows)
    wanted = by_hand(rows, lambda row: (row[2], 1.0))
    assert verdicts(judged_industries, raw, "overlapping_membership") == wanted


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_weights_are_judged_as_one_after_another(rows):
    raw = frame(RawIndexMembers, ("index_id", "security_id"), rows)
    wanted = by_hand(rows, lambda row: (row[2], row[4]))
    assert verdicts(judged_members, raw, "weights_above_one") == wanted


@settings(max_examples=150, deadline=None)
@given(CHANGES, CHANGES, st.integers(0, 8))
def test_what_was_accepted_stays_accepted_whatever_comes_later(rows, more, day):
    known = [row for row in rows if row[3] <= day]
    later = [row for row in more if row[3] > day]
    columns = ("index_id", "security_id")
    alone, among = (judged_members(frame(RawIndexMembers, columns, some)) for some in (known, known + later))
    same = among.filter(pl.col("available_at") <= START + timedelta(days=day)).sort("_row")
    assert same.select("rule", "reason").equals(alone.sort("_row").select("rule", "reason"))


@settings(max_examples=150, deadline=None)
@given(CHANGES, st.integers(0, 8))
def test_at_no_instant_has_a_security_two_industries_or_an_index_more_than_all_of_its_weight(rows, day):
    when = START + timedelta(days=day)
    raw = frame(RawIndustries, ("security_id", "industry"), rows)
    coded = Industries.validate(industries(raw.lazy()).collect())
    held = holding(coded.lazy(), when, ("security_id", "industry")).collect()
    assert not held["security_id"].is_duplicated().any()
    raw = frame(RawIndexMembers, ("index_id", "security_id"), rows)
    members = IndexMembers.validate(index_members(raw.lazy()).collect())
    totals = holding(members.lazy(), when, ("index_id", "security_id")).collect().group_by("index_id").agg(
        pl.col("weight").sum()
    )  # fmt: skip
    assert (totals["weight"] <= 1 + WEIGHT_TOLERANCE).all()


def edge(**changes: object) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in RawSupplyChain.columns().items()}
    good = {
        "supplier_id": "sh600001", "customer_id": "sz000003", "weight": 0.2, "holds": True, "available_at": START,
        "known_on": START.date(), "delivery": "a.csv",
    }  # fmt: skip
    return pl.DataFrame([good | changes], schema=schema)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, None),
        (dict(weight=None), None),
        (dict(supplier_id=None), "missing_key"),
        (dict(available_at=None), "missing_available_at"),
        (dict(customer_id="sh600001"), "supplies_itself"),
        (dict(weight=1.2), "weight_outside_0_to_1"),
        (dict(weight=-0.1), "weight_outside_0_to_1"),
        (dict(weight=float("inf")), "not_finite"),
        (dict(holds=None), "missing_holds"),
        (dict(holds=False), "end_before_beginning"),
        (dict(known_on=START.date() - timedelta(days=1)), "known_before_available"),
    ],
)
def test_each_rule_on_an_edge_refuses_what_breaks_it(changes, rule):
    assert judged_edges(edge(**changes))["rule"].to_list() == [rule]


def test_suppliers_of_one_customer_sum_to_one_at_most():
    raw = pl.concat([edge(weight=0.7), edge(supplier_id="sh600002", weight=0.5, available_at=START + timedelta(days=1),
                                            known_on=START.date() + timedelta(days=1))])  # fmt: skip
    found = judged_edges(raw).sort("_row")
    assert found["rule"].to_list() == [None, "weights_above_one"]
    assert found["reason"][1] == "with weight 0.5 the suppliers of sz000003 sum to more than 1"


def test_many_crowded_instants_are_judged_as_one_after_another():
    rows = [("ab"[n % 2], "xyz"[n % 3], n % 5 != 0, n // 4, 0.8) for n in range(2000)]
    found = verdicts(judged_members, frame(RawIndexMembers, ("index_id", "security_id"), rows), "weights_above_one")
    assert found == by_hand(rows, lambda row: (row[2], row[4]))
    assert found.count("crowded") > 300
