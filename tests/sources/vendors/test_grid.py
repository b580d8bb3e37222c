from datetime import date

import polars as pl

from assets.sources.vendors.grid import grid, with_strays

DAYS = [date(2020, 1, day) for day in (2, 3, 6, 7)]


def test_rows_from_the_listing_to_the_day_before_the_delisting():
    sessions = pl.LazyFrame({"session": DAYS})
    listings = pl.LazyFrame(
        {
            "security_id": ["always", "new", "gone", "unknown"],
            "listed_on": [date(2000, 1, 1), DAYS[2], date(2000, 1, 1), None],
            "delisted_on": [None, None, DAYS[1], None],
        }
    )
    found = grid(sessions, listings, DAYS[0], DAYS[2]).sort("security_id", "session").collect()
    by_security = found.group_by("security_id", maintain_order=True).agg("session")
    assert dict(by_security.iter_rows()) == {
        "always": DAYS[:3],
        "gone": DAYS[:1],
        "new": [DAYS[2]],
        "unknown": DAYS[:3],
    }


def test_a_bar_outside_of_the_grid_stays_with_the_listing_of_its_security():
    listed = pl.LazyFrame({"session": DAYS[:2], "security_id": ["a", "a"], "listed_on": [date(2000, 1, 1)] * 2})
    bars = pl.LazyFrame({"session": [DAYS[0], date(2020, 1, 4)], "security_id": ["a", "a"], "close": [1.0, 2.0]})
    assert with_strays(listed, bars).sort("session").collect().rows() == [
        (DAYS[0], "a", date(2000, 1, 1), 1.0),
        (DAYS[1], "a", date(2000, 1, 1), None),
        (date(2020, 1, 4), "a", date(2000, 1, 1), 2.0),
    ]
