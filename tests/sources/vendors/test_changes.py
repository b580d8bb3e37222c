from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assets.sources.vendors.changes import changes

JAN, FEB, MAR = date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)


def snapshots(*rows):
    return pl.DataFrame(
        rows,
        schema={"known_from": pl.Date, "index_id": pl.String, "security_id": pl.String, "weight": pl.Float64},
        orient="row",
    )


def test_entries_removals_and_changed_values():
    told = snapshots(
        (JAN, "i", "a", 1.0), (JAN, "i", "b", 2.0), (FEB, "i", "a", 1.0), (MAR, "i", "a", 3.0), (MAR, "i", "b", 2.0)
    )
    found = changes(told, "index_id", ["security_id"], ["weight"])
    assert found.rows() == [
        (JAN, "i", "a", 1.0, True),
        (JAN, "i", "b", 2.0, True),
        (FEB, "i", "b", 2.0, False),
        (MAR, "i", "a", 3.0, True),
        (MAR, "i", "b", 2.0, True),
    ]


def test_groups_have_snapshots_of_their_own():
    told = snapshots((JAN, "i", "a", None), (FEB, "j", "b", None), (MAR, "i", "a", None))
    found = changes(told, "index_id", ["security_id"], [])
    assert found.rows() == [(JAN, "i", "a", True), (FEB, "j", "b", True)]


@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), min_size=1, max_size=6))
def test_replaying_the_changes_gives_every_snapshot_and_no_later_one_changes_them(members):
    dates = [date(2020, month, 1) for month in range(1, len(members) + 1)]
    rows = [(day, "i", one, None) for day, held in zip(dates, members, strict=True) for one in held]
    found = changes(snapshots(*rows), "index_id", ["security_id"], [])
    held = set()
    for day, expected in zip(dates, members, strict=True):
        now = found.filter(pl.col("known_from") == day)
        held |= set(now.filter("holds")["security_id"])
        held -= set(now.filter(~pl.col("holds"))["security_id"])
        assert held == expected
    until = dates[len(dates) // 2]
    early = changes(snapshots(*[row for row in rows if row[0] <= until]), "index_id", ["security_id"], [])
    assert early.equals(found.filter(pl.col("known_from") <= until))
