"""Financials and policy events on the embedded market: another future, fewer sessions and other threads."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import assets.cleaning
from assets.features import financials, policy_events
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from benchmarks.whole_replay import whole_replay
from expectations.decisions import decisions
from pipelines.declared import in_order, modules_of

GROUPS = ("features/financials", "features/policy_events")
FACTS = ("statements", "policy_events", "industries", "float_shares")
TABLES = in_order(declarations(*modules_of([assets.cleaning]), financials, policy_events))
READ = {f"cleaning/{name}" for name in ("bars", "calendar", "appearances", *FACTS)}
CODE = """
import sys
import polars as pl
from assets.features.{group} import {group}
names = {names}
frames = [pl.scan_parquet(f"{{sys.argv[1]}}/{{name}}.parquet") for name in names]
{group}(*frames).collect().write_parquet(f"{{sys.argv[1]}}/{group}_{{sys.argv[2]}}.parquet")
"""


@pytest.fixture(scope="module")
def raw() -> dict[str, pl.DataFrame]:
    spec = SyntheticMarketSpec(securities=24, sessions=420)
    return {table.asset_key: spec.read(table, spec.first_session(), spec.last_session()) for table in spec.offers()}


def composed(raw: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The raw tables, both groups and what they read."""
    found = dict(raw)
    for key, table in TABLES.items():
        if key in READ.union(GROUPS):
            frames = {name: found[schema.asset_key].lazy() for name, schema in table.inputs.items()}
            found[key] = table.function(**frames).collect()
    return found


@pytest.fixture(scope="module")
def made(raw) -> dict[str, pl.DataFrame]:
    return composed(raw)


def test_another_future_changes_nothing_known_and_every_column_follows_it(raw, made):
    def replay(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        found = composed(tables)
        return {group: found[group] for group in GROUPS}

    instants = decisions(made["cleaning/calendar"]["session"].to_list(), 4)
    found = whole_replay(replay, raw, instants, frozenset(), 0)
    assert found.filter(~pl.col("passed")).is_empty()
    asked = found.filter(pl.col("alive").is_not_null())
    alive = asked.group_by("table", "column").agg(pl.col("alive").any(), pl.col("rows_later_changed").max())
    assert alive.filter(~pl.col("alive")).is_empty()
    assert alive.height == sum(len(TABLES[group].schema.column_names()) for group in GROUPS) - 2 * len(GROUPS)


@pytest.mark.parametrize("group", ["financials", "policy_events"])
@pytest.mark.parametrize("month", ["2011-08", "2012-10", "2013-01"])
def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit(made, group, month):
    table = TABLES[f"features/{group}"]
    sessions = made["cleaning/calendar"]["session"]
    wanted = sessions.filter(sessions.dt.strftime("%Y-%m") == month)
    given = {}
    for argument, schema in table.inputs.items():
        start = sessions[max(0, sessions.search_sorted(wanted[0]) - table.look_back[argument])]
        day = pl.col(schema.dated_by)
        frame = made[schema.asset_key]
        is_whole = table.look_back[argument] > sessions.len()
        given[argument] = frame.filter((day >= start) | is_whole, day <= wanted[-1]).lazy()
    inside = pl.col("session").is_in(wanted.implode())
    alone = table.function(**given).collect().filter(inside)
    assert_frame_equal(alone, made[table.key].filter(inside), check_exact=True)
    assert alone.height > 100


@pytest.mark.parametrize("group", ["financials", "policy_events"])
def test_the_number_of_threads_does_not_matter(made, group, tmp_path):
    inputs = TABLES[f"features/{group}"].inputs
    for name, schema in inputs.items():
        made[schema.asset_key].write_parquet(tmp_path / f"{name}.parquet")
    code = CODE.format(group=group, names=list(inputs))
    for threads in ("1", "4"):
        environment = {**os.environ, "POLARS_MAX_THREADS": threads}
        command = [sys.executable, "-c", code, str(tmp_path), threads]
        subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parents[2])
    one, four = (pl.read_parquet(tmp_path / f"{group}_{threads}.parquet") for threads in ("1", "4"))
    assert_frame_equal(one, four, check_exact=True)
    assert_frame_equal(one, made[f"features/{group}"], check_exact=True)
