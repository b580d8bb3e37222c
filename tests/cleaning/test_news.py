from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from assets.cleaning.news import judged, news
from expectations.fact_tables import News
from expectations.facts import RawNews

NOON, EVENING = (datetime(2014, 6, 3, hour, 5, tzinfo=ZoneInfo("Asia/Shanghai")) for hour in (12, 20))


def row(**changes: object) -> dict[str, object]:
    return {
        "news_id": "n1", "security_id": "sh600001", "kind": "news", "title": "Orders rise", "body": None,
        "available_at": NOON,
    } | changes  # fmt: skip


def rules(rows_of, *rows: dict[str, object]) -> list[str | None]:
    return judged(rows_of(RawNews, list(rows))).sort("_row")["rule"].to_list()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (dict(news_id=None), "missing_key"),
        (dict(available_at=None), "missing_available_at"),
        (dict(kind="rumour"), "unknown_kind"),
        (dict(kind=None), "unknown_kind"),
        (dict(title=None), "empty_title"),
        (dict(title=" \n"), "empty_title"),
        (dict(security_id=None), None),
        (dict(body="A long text"), None),
    ],
)
def test_each_rule_refuses_what_breaks_it(rows_of, changes, rule):
    assert rules(rows_of, row(**changes)) == [rule]


def test_one_piece_may_be_about_several_securities(rows_of):
    raw = rows_of(RawNews, [row(), row(security_id="sz000003"), row(security_id=None)])
    assert News.validate(news(raw.lazy()).collect()).height == 3


def test_of_an_edited_piece_the_first_wording_stays(rows_of):
    assert rules(rows_of, row(title="Orders fall", available_at=EVENING), row()) == ["contradiction", None]
    assert rules(rows_of, row(available_at=EVENING), row()) == ["duplicate", None]


def test_the_minute_is_kept(rows_of):
    assert news(rows_of(RawNews, [row()]).lazy()).collect()["available_at"].to_list() == [NOON]
