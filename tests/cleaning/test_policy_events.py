from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from assets.cleaning.policy_events import judged, policy_events
from expectations.fact_tables import PolicyEvents
from expectations.facts import RawPolicyEvents

NOON = datetime(2014, 6, 3, 12, tzinfo=ZoneInfo("Asia/Shanghai"))


def row(**changes: object) -> dict[str, object]:
    return {
        "event_id": "e1",
        "theme": "housing",
        "industry": "cement",
        "title": "Support",
        "available_at": NOON,
    } | changes


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (dict(event_id=None), "missing_key"),
        (dict(industry=None), "missing_key"),
        (dict(available_at=None), "missing_available_at"),
        (dict(theme=""), "empty_theme"),
        (dict(title=None), "empty_title"),
        ({}, None),
    ],
)
def test_each_rule_refuses_what_breaks_it(rows_of, changes, rule):
    assert judged(rows_of(RawPolicyEvents, [row(**changes)]))["rule"].to_list() == [rule]


def test_a_measure_has_a_row_for_each_industry(rows_of):
    raw = rows_of(RawPolicyEvents, [row(), row(industry="panels"), row()])
    found = PolicyEvents.validate(policy_events(raw.lazy()).collect())
    assert found["industry"].to_list() == ["cement", "panels"]
