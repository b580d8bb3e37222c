"""Membership: whether the names that are looked at were chosen by what was known, and not by what became of them.

Names that end later, names that trade little over the whole span, members and codes of today: each leaves a trace in
who is a member when. It is read off the raw bars, without the rules that made the universe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from expectations.tickers import ticker

MEMBERSHIP = pl.Schema(
    {
        "rule": pl.String(),
        "year": pl.Int64(),
        "blocks": pl.Boolean(),
        "rows_checked": pl.Int64(),
        "rows_violating": pl.Int64(),
        "share": pl.Float64(),
        "allowed_share": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
        "warning": pl.String(),
    }
)
KEY = ("session", "security_id")
PLAIN = ("suspended", "st", "new_listing")
NEW_FOR, HALT, AFTER_HALT = 60, 20, 5
"""A listing is new for 60 sessions; after 20 sessions without a trade a name is left out for 5."""
GONE_AFTER = 60
LAST_SESSIONS = 60
"""Sessions before the end of a name, of which some belong to its delisting, that are not asked about."""
LOOKED_AT = 600
"""Sessions, evenly over the span, of which members are counted."""
FEWEST = 30
FEWEST_ENDING = 100
"""With fewer rows of a year one spell of one name would decide."""
LEAST_OF_OTHERS = 0.5
"""A name that ends later is a member at least half as often as the others."""
HARDLY_EVER = 0.1
NAMES_HARDLY_EVER = 0.02
BEFORE_LISTING = 0.05
CODED_BEFORE_DAYS = 60
LARGEST_ST_MOVE = 0.056
ST_MOVES = 0.02


@dataclass(frozen=True)
class Seen:
    """Raw rows of some sessions with what is plain of each, and the number of all sessions.

    rows  with `may_be` (nothing plain keeps the name out), `ends` (it is gone before the span is), `is_late` (it is
          about to end) and `is_in` (it is a member)
    """

    rows: pl.DataFrame
    sessions: int


def universe_membership(
    raw: pl.DataFrame,
    refused: pl.DataFrame,
    bars: pl.DataFrame,
    universe: pl.DataFrame,
    marks: pl.DataFrame,
    calendar: pl.DataFrame,
) -> pl.DataFrame:
    """Whether the universe is what was known session by session.

    raw, refused  rows of RawBars, and of RefusedBars: a name whose rows cannot be believed is no member by right
    bars, universe, marks, calendar
                  rows of Bars, Universe, Marks and Calendar
    returns       MEMBERSHIP
    """
    believed = raw.join(refused.select(KEY).unique(), on=KEY, how="anti") if refused.height else raw
    seen = _seen(believed, universe, calendar)
    rows = [
        _every_bar(bars, universe),
        *_plain_masks(seen),
        _halts(bars, universe, calendar),
        *_marked(universe, marks),
        *_later_ended(seen),
        _never_members(seen),
        _has_ends(seen),
        _st_moves(raw),
    ]
    return pl.DataFrame(rows, schema=MEMBERSHIP)


def listed_membership(raw: pl.DataFrame, members: pl.DataFrame, industries: pl.DataFrame) -> pl.DataFrame:
    """Whether a member of an index, or a code of an industry, is known long before its security was listed.

    raw                  rows of RawBars
    members, industries  rows of RawIndexMembers and RawIndustries
    returns              MEMBERSHIP
    """
    listed = raw.group_by("security_id").agg(_listed=pl.col("listed_on").min()).drop_nulls()
    rows = []
    for rule, facts, days, blocks in (
        ("a member of an index was listed when it entered", members, 0, True),
        ("an industry code comes with the listing", industries, CODED_BEFORE_DAYS, False),
    ):
        begun = facts.filter(pl.col("holds") & pl.col("available_at").is_not_null()).join(listed, on="security_id")
        early = begun.filter(pl.col("available_at").dt.date() < pl.col("_listed").dt.offset_by(f"-{days}d"))
        example = None
        if early.height:
            row = early.row(0, named=True)
            example = f"{row['security_id']}: known at {row['available_at']}, listed on {row['_listed']}"
        rows.append(_row(rule, begun.height, early.height, example, BEFORE_LISTING, blocks=blocks))
    return pl.DataFrame(rows, schema=MEMBERSHIP)


def _seen(raw: pl.DataFrame, universe: pl.DataFrame, calendar: pl.DataFrame) -> Seen:
    sessions = calendar["session"].unique().sort()
    places = pl.DataFrame({"session": sessions, "_place": np.arange(len(sessions))})
    asked = sessions.gather_every(1 + len(sessions) // LOOKED_AT)
    last = raw.join(places, on="session").group_by("security_id").agg(_last=pl.col("_place").max())
    once = raw.filter(pl.col("session").is_in(asked.implode()))
    once = once.select(*KEY, "listed_on", "is_st", "is_suspended", "volume").filter(~pl.struct(KEY).is_duplicated())
    member = universe.filter(pl.col("session").is_in(asked.implode())).with_columns(ticker(pl.col("security_id")))
    rows = once.join(places, on="session").join(last, on="security_id").join(member, on=KEY, how="left")
    first = sessions[0] if len(sessions) else None
    listed = pl.col("listed_on").clip(lower_bound=first)
    before = pl.business_day_count(pl.min_horizontal("listed_on", pl.lit(first)), pl.lit(first))
    listed_at = pl.Series("_listed", sessions.search_sorted(rows.select(listed).to_series()), dtype=pl.Int64)
    age = pl.col("_place") - pl.col("_listed") + before
    rows = rows.with_columns(listed_at).with_columns(
        suspended=pl.col("is_suspended"),
        st=pl.col("is_st"),
        new_listing=(pl.col("listed_on").is_not_null() & (age < NEW_FOR)).fill_null(value=False),
        ends=pl.col("_last") + GONE_AFTER < len(sessions),
        is_late=pl.col("_place") > pl.col("_last") - LAST_SESSIONS,
    )
    plain = pl.any_horizontal(*PLAIN) | ~(pl.col("volume") > 0).fill_null(value=False)
    return Seen(rows.with_columns(may_be=~plain, is_in=pl.col("is_member").fill_null(value=False)), len(sessions))


def _every_bar(bars: pl.DataFrame, universe: pl.DataFrame) -> dict[str, object]:
    rule = "every accepted bar has its row in the universe, and nothing else has"
    ours, theirs = universe.select(KEY), bars.select(KEY)
    if ours.equals(theirs):
        return _row(rule, theirs.height, 0)
    apart = pl.concat([theirs.join(ours, on=KEY, how="anti"), ours.join(theirs, on=KEY, how="anti")]).sort(KEY)
    return _row(rule, theirs.height, apart.height, _first(apart))


def _plain_masks(seen: Seen) -> list[dict[str, object]]:
    """What the raw row itself says keeps a name out, and a name is kept out by it only where the row says so."""
    rows = []
    has_row = seen.rows.filter(pl.col("is_member").is_not_null())
    for name in PLAIN:
        wrong = pl.col(name) & pl.col("is_in") | ~pl.col(name) & (pl.col("left_out_because") == name)
        found = has_row.filter(wrong.fill_null(value=False)).sort(KEY)
        rows.append(_row(f"left out as {name} is who is so in that session's raw row", has_row.height, *_of(found)))
    return rows


def _halts(bars: pl.DataFrame, universe: pl.DataFrame, calendar: pl.DataFrame) -> dict[str, object]:
    """The first 5 sessions from a trade after 20 sessions without one, counted again from the bars."""
    sessions = calendar["session"].unique().sort()
    places = pl.DataFrame({"session": sessions, "_place": np.arange(len(sessions))})
    traded = bars.filter(~pl.col("is_suspended")).select(*KEY, "is_new_listing").join(places, on="session")
    traded = traded.sort("security_id", "_place")
    halt = pl.col("_place") - pl.col("_place").shift(1).over("security_id").fill_null(-1) - 1
    resumed = pl.when((halt >= HALT) & ~pl.col("is_new_listing")).then("_place")
    since = pl.col("_place") - resumed.forward_fill().over("security_id")
    lasting = traded.filter((since < AFTER_HALT).fill_null(value=False)).select(*KEY, _halted=pl.lit(value=True))
    left_out = universe.filter(pl.col("left_out_because") == "suspension_gap").select(KEY)
    stray = left_out.join(lasting, on=KEY, how="anti")
    kept = universe.filter("is_member").select(KEY).join(lasting, on=KEY, how="semi")
    wrong = pl.concat([stray, kept]).sort(KEY)
    return _row("left out after a halt is who resumed within 5 sessions", lasting.height, *_of(wrong))


def _marked(universe: pl.DataFrame, marks: pl.DataFrame) -> list[dict[str, object]]:
    """A name is left out for a mark of that session, and one that is masked is left out."""
    out = universe.filter(~pl.col("is_member"))
    masked = marks.filter(action="masked").select(*KEY, left_out_because="rule")
    unmarked = out.join(masked, on=[*KEY, "left_out_because"], how="anti").sort(KEY)
    kept = universe.filter("is_member").select(KEY).join(masked, on=KEY, how="semi").sort(KEY)
    return [
        _row("a name is left out for a mark of that session", out.height, *_of(unmarked)),
        _row("a masked name is left out", masked.height, *_of(kept)),
    ]


def _later_ended(seen: Seen) -> list[dict[str, object]]:
    """By year, names that end later are members about as often as those that stay."""
    may_be = seen.rows.filter(pl.col("may_be") & ~pl.col("is_late"))
    by_year = may_be.group_by(year=pl.col("session").dt.year().cast(pl.Int64)).agg(
        ending=pl.col("ends").sum(),
        ending_out=(pl.col("ends") & ~pl.col("is_in")).sum(),
        others=pl.col("is_in").filter(~pl.col("ends")).mean(),
        example=pl.col("security_id").filter(pl.col("ends") & ~pl.col("is_in")).min(),
    )
    rows = []
    for one in by_year.sort("year").iter_rows(named=True):
        allowed = 1 - LEAST_OF_OTHERS * (one["others"] or 0.0)
        rule = "a name that ends later is a member as one that stays"
        allowed = allowed if one["ending"] >= FEWEST_ENDING else 1.0
        found = _row(rule, one["ending"], one["ending_out"], one["example"], allowed)
        rows.append(found | {"year": one["year"]})
    return rows


def _never_members(seen: Seen) -> dict[str, object]:
    may_be = seen.rows.filter(pl.col("may_be") & ~pl.col("is_late"))
    names = may_be.group_by("security_id").agg(rows=pl.len(), share=pl.col("is_in").mean()).sort("security_id")
    asked = names.filter(pl.col("rows") >= FEWEST)
    found = asked.filter(pl.col("share") < HARDLY_EVER)
    example = f"{found['security_id'][0]}: member in {found['share'][0]:.0%} of its sessions" if found.height else None
    rule = "no name is hardly ever a member that no plain rule keeps out"
    # One name of bad data is no choice among names.
    allowed = max(NAMES_HARDLY_EVER, 1 / max(asked.height, 1))
    return _row(rule, asked.height, found.height, example, allowed)


def _has_ends(seen: Seen) -> dict[str, object]:
    names = seen.rows.group_by("security_id").agg(pl.col("ends").first())
    none = names.height if seen.sessions >= 1000 and names.height >= 100 and not names["ends"].any() else 0
    return _row("some names end within the span", names.height, none, None, 0.0, blocks=False)


def _st_moves(raw: pl.DataFrame) -> dict[str, object]:
    """On the main boards special treatment halves the limit: moves beyond it tell of a flag from another day."""
    traded = ~pl.col("is_suspended") & (pl.col("board") == "main") & (pl.col("session").dt.year() < 2026)
    treated = raw.filter(pl.col("is_st") & traded)
    beyond = treated.filter((pl.col("close") / pl.col("prev_close") - 1).abs() > LARGEST_ST_MOVE).sort(KEY)
    rule = "a name under special treatment stays within its limit of 5%"
    return _row(rule, treated.height, *_of(beyond), ST_MOVES, blocks=False)


def _of(wrong: pl.DataFrame) -> tuple[int, str | None]:
    return wrong.height, _first(wrong)


def _first(rows: pl.DataFrame) -> str | None:
    return f"{rows['security_id'][0]} {rows['session'][0]}" if rows.height else None


def _row(
    rule: str, checked: int, violating: int, example: str | None = None, allowed: float = 0.0, *, blocks: bool = True
) -> dict[str, object]:
    share = violating / max(checked, 1)
    holds = violating == 0 or share <= allowed or (allowed > 0 and checked < FEWEST)
    return {
        "rule": rule,
        "year": None,
        "blocks": blocks,
        "rows_checked": checked,
        "rows_violating": violating,
        "share": share,
        "allowed_share": allowed,
        "first_example": example,
        "passed": holds or not blocks,
        "warning": None if holds or blocks else f"{rule}: not so in {violating} of {checked}",
    }
