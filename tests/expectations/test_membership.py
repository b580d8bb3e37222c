"""Membership: who is a member was known in that session."""

from datetime import date

import polars as pl
import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.facts import RawIndexMembers, RawIndustries
from expectations.membership import MEMBERSHIP, listed_membership, universe_membership
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.replay import made, read_by

TABLES = in_order(declarations(*modules_of(STAGES)))
Frames = dict[str, pl.DataFrame]
KEY = ("session", "security_id")
USED = ("refused_bars", "bars", "universe", "marks", "calendar")


@pytest.fixture(scope="module")
def found() -> Frames:
    """A market of 40 names, of which each fifth ends in the middle of the span."""
    spec = SyntheticMarketSpec(seed=106, securities=40, sessions=360)
    raw = {table.asset_key: spec.read(table, spec.first_session(), spec.last_session()) for table in spec.offers()}
    bars = raw["raw/bars"]
    names, middle = bars["security_id"].unique().sort().gather_every(5), bars["session"].unique().sort()[280]
    ends = pl.col("security_id").is_in(names.implode()) & (pl.col("session") > middle)
    raw["raw/bars"] = bars.filter(~ends)
    return made(read_by([f"cleaning/{name}" for name in USED], TABLES), raw)


def failing(found: Frames, **instead: pl.DataFrame) -> pl.DataFrame:
    frames = {name: instead.get(name, found[f"cleaning/{name}"]) for name in USED}
    evidence = universe_membership(found["raw/bars"], **{"refused": frames.pop("refused_bars"), **frames})
    assert evidence.schema == MEMBERSHIP
    return evidence.filter(~pl.col("passed"))


def test_an_honest_universe_passes_and_names_that_end_are_counted(found: Frames) -> None:
    assert failing(found).rows() == []
    frames = {name: found[f"cleaning/{name}"] for name in USED}
    evidence = universe_membership(found["raw/bars"], frames.pop("refused_bars"), **frames)
    assert evidence.filter(pl.col("rule").str.contains("ends later"))["rows_checked"].max() > 300


def out(universe: pl.DataFrame, who: pl.Expr, because: str = "suspended") -> pl.DataFrame:
    chosen = pl.col("is_member") & who
    return universe.with_columns(
        is_member=pl.col("is_member") & ~who,
        left_out_because=pl.when(chosen).then(pl.lit(because)).otherwise("left_out_because"),
    )


def test_a_universe_of_survivors_fails_by_year(found: Frames) -> None:
    universe = found["cleaning/universe"]
    ends = pl.col("session").max().over("security_id") < pl.col("session").max()
    failed = failing(found, universe=out(universe, ends))
    assert failed.filter(pl.col("rule").str.contains("ends later"))["year"].to_list() == [2011, 2012]
    assert failed.filter(pl.col("rule").str.contains("hardly ever")).height == 1
    without = failing(found, universe=universe.filter(~ends.fill_null(value=False)))
    assert without["rule"].str.contains("every accepted bar|ends later").sum() == 3


def test_a_filter_over_the_whole_span_fails_though_its_reason_is_a_mark(found: Frames) -> None:
    thin = found["raw/bars"].group_by("security_id").agg(pl.col("amount").mean()).sort("amount")["security_id"].head(6)
    who = pl.col("security_id").is_in(thin.implode())
    universe = out(found["cleaning/universe"], who, "illiquid")
    marks = found["cleaning/marks"]
    more = universe.filter(left_out_because="illiquid").select(
        *KEY, rule="left_out_because", version=pl.lit("1"), action=pl.lit("masked"), value=None, reason=pl.lit("thin")
    )
    marked = pl.concat([marks, more.select(marks.columns).cast(marks.schema)])
    failed = failing(found, universe=universe, marks=marked)
    assert failed["rule"].to_list() == ["no name is hardly ever a member that no plain rule keeps out"]
    assert failed["first_example"].item().startswith(thin.sort()[0])


@pytest.mark.parametrize("reason", ["suspended", "st", "new_listing", "suspension_gap"])
def test_one_name_left_out_or_kept_against_its_raw_row_is_named(found: Frames, reason: str) -> None:
    universe = found["cleaning/universe"]
    asked = found["cleaning/calendar"]["session"].sort()[::2]
    seen = universe.filter(pl.col("session").is_in(asked.implode()))
    kept = seen.filter(left_out_because=reason).row(3, named=True)
    is_it = (pl.col("session") == kept["session"]) & (pl.col("security_id") == kept["security_id"])
    let_in = universe.with_columns(
        is_member=pl.col("is_member") | is_it,
        left_out_because=pl.when(~is_it).then("left_out_because"),
    )
    plain = "halt" if reason == "suspension_gap" else f"left out as {reason}"
    failed = failing(found, universe=let_in).filter(pl.col("rule").str.contains(plain))
    assert failed["first_example"].to_list() == [f"{kept['security_id']} {kept['session']}"]
    member = seen.filter("is_member").row(200, named=True)
    who = (pl.col("session") == member["session"]) & (pl.col("security_id") == member["security_id"])
    failed = failing(found, universe=out(universe, who, reason))
    assert failed.filter(pl.col("rule").str.contains(plain)).height == 1
    assert failed.filter(pl.col("rule").str.contains("for a mark of that session")).height == 1


def test_bad_rows_that_were_refused_are_no_reason_to_fail(found: Frames) -> None:
    name = found["raw/bars"]["security_id"].unique().sort()[1]
    gone = pl.col("security_id") == name
    rows = found["cleaning/bars"].filter(gone).select(KEY)
    refused = pl.concat([found["cleaning/refused_bars"], rows], how="diagonal")
    left = {key: found[f"cleaning/{key}"].filter(~gone) for key in ("bars", "universe", "marks")}
    assert failing(found, refused_bars=refused, **left).rows() == []
    assert not failing(found, **left).is_empty()


def test_members_of_today_are_members_before_they_were_listed(found: Frames) -> None:
    bars = found["raw/bars"]
    first = bars["available_at"].min()
    later = pl.col("security_id").rank("dense") % 4 == 0
    raw = bars.with_columns(listed_on=pl.when(later).then(pl.lit(date(2012, 6, 1))).otherwise("listed_on"))
    listed = raw.group_by("security_id").agg(at=pl.col("listed_on").min()).sort("security_id")
    columns = {"index_id": pl.lit("i"), "holds": pl.lit(value=True), "industry": pl.lit("steel")}
    of_today = listed.select("security_id", available_at=pl.lit(first), **columns)
    honest = listed.select(
        "security_id",
        available_at=pl.col("at").dt.combine(pl.time(20)).dt.replace_time_zone("Asia/Shanghai"),
        **columns,
    )
    nothing = RawIndexMembers.create_empty(), RawIndustries.create_empty()
    assert listed_membership(raw, *nothing)["passed"].all()
    found_honest = listed_membership(raw, honest, honest)
    assert found_honest["passed"].all()
    assert found_honest["warning"].null_count() == 2
    found_today = listed_membership(raw, of_today, of_today)
    assert found_today["passed"].to_list() == [False, True]
    assert "an industry code" in found_today["warning"][1]
