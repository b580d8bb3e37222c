"""Facts by month, and with another future: what is computed in parts or after a cut equals the whole."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import assets.cleaning
from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.table import declarations
from benchmarks.whole_replay import whole_replay
from expectations.decisions import decisions
from expectations.facts import RAW_FACTS
from pipelines.declared import in_order, modules_of
from pipelines.reach import Months, month_keys, months_before

FACTS = (*(table.asset_key.split("/")[1] for table in RAW_FACTS), "refused_facts")
TABLES = in_order(declarations(*modules_of([assets.cleaning])))
KEY = {"index_bars": "index_id", "refused_facts": "row"}


def composed(raw):
    made = dict(raw)
    for key, table in TABLES.items():
        made[key] = table.function(**{n: made[s.asset_key].lazy() for n, s in table.inputs.items()}).collect()
    return {name: made[f"cleaning/{name}"] for name in FACTS}


@pytest.fixture(scope="module")
def whole(raw_tables):
    made = dict(raw_tables)
    for key, table in TABLES.items():
        made[key] = table.function(**{n: made[s.asset_key].lazy() for n, s in table.inputs.items()}).collect()
    return made


def test_the_tables_have_their_schemas(whole):
    for name in FACTS:
        TABLES[f"cleaning/{name}"].schema.validate(whole[f"cleaning/{name}"])
        assert whole[f"cleaning/{name}"].height > 10, name


def dated(frame: pl.DataFrame, by: str, first: date, end: date) -> pl.DataFrame:
    return frame.filter(pl.col(by).is_between(first, end, closed="left"))


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("month", [2, 7, 11])
def test_a_month_with_the_declared_look_back_equals_the_whole(whole, name, month):
    table = TABLES[f"cleaning/{name}"]
    first, end = date(2014, month, 1), date(2014, month + 1, 1)
    given = {}
    for argument, schema in table.inputs.items():
        back = months_before(table.look_back.get(argument, 0))
        number = 2014 * 12 + month - 1 - back
        start = date(max(1, number // 12), number % 12 + 1, 1)
        day = pl.col(schema.dated_by)
        inside = day.is_between(start, end, closed="left") | day.is_null()
        given[argument] = whole[schema.asset_key].filter(inside).lazy()
    alone = dated(table.function(**given).collect(), table.schema.dated_by, first, end)
    assert_frame_equal(alone, dated(whole[f"cleaning/{name}"], table.schema.dated_by, first, end), check_exact=True)


def test_the_reach_of_everything_before_is_every_earlier_month():
    keys = month_keys(date(2006, 1, 4), date(2026, 6, 29))
    assert Months(months_before(EVERYTHING_BEFORE)).upstream("2026-05", keys) == keys[:-1]


def test_another_future_changes_nothing_that_was_known(raw_tables):
    sessions = raw_tables["raw/bars"]["session"].unique().to_list()
    instants = decisions(sessions, 6)
    replayed = []

    def replay(raw):
        replayed.append(composed(raw))
        return by_decision(replayed[-1])

    evidence = whole_replay(replay, raw_tables, instants, frozenset(), 0)
    assert set(evidence["table"]) == {f"cleaning/{name}" for name in FACTS if name != "refused_facts"}
    failed = evidence.filter(~pl.col("passed")).select("table", "column", "decided_at", "first_example")
    assert failed.rows() == []
    assert evidence.group_by("table").agg(pl.col("rows_compared").max())["rows_compared"].min() > 0
    assert all(not other[name].equals(replayed[0][name]) for other in replayed[1:] for name in FACTS)


def test_the_order_in_which_rows_are_delivered_changes_nothing(raw_tables):
    shuffled = {key: raw.sample(fraction=1.0, shuffle=True, seed=5) for key, raw in raw_tables.items()}
    other = composed(shuffled)
    for name, frame in composed(raw_tables).items():
        assert_frame_equal(other[name], frame, check_exact=True)


def test_frames_in_many_parts_some_of_them_empty_give_the_same(raw_tables):
    parts = {
        key: pl.concat([raw.slice(i, 3) for i in range(0, raw.height, 3)], rechunk=False).filter(
            pl.int_range(pl.len()) % 7 > 2
        )
        for key, raw in raw_tables.items()
        if key != "raw/bars"
    }
    bars = {"raw/bars": raw_tables["raw/bars"]}
    whole = composed({key: frame.rechunk() for key, frame in parts.items()} | bars)
    for name, frame in composed(parts | bars).items():
        assert_frame_equal(frame, whole[name], check_exact=True)


def by_decision(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Each fact under the session whose decision at 20:00 is the first to know it, and the columns that name it."""
    made = {}
    for name, frame in tables.items():
        if name == "refused_facts":
            continue
        hour = pl.col("available_at").dt.time() > datetime(2014, 1, 1, 20, tzinfo=ZoneInfo("Asia/Shanghai")).time()
        first = pl.col("available_at").dt.date().dt.offset_by(pl.when(hour).then(pl.lit("1d")).otherwise(pl.lit("0d")))
        texts = [c for c, kind in frame.schema.items() if c.endswith("_id") or c in ("item", "industry", "period_end")]
        parts = [pl.col(c).cast(pl.String).fill_null("") for c in (*texts, "available_at")]
        number = [pl.col("revision").cast(pl.String)] if "revision" in frame.columns else []
        keyed = pl.concat_str([*parts, *number], separator=" ")
        made[f"cleaning/{name}"] = frame.with_columns(session=first, security_id=keyed)
    return made


def test_without_facts_the_tables_have_no_rows_of_the_source(raw_tables):
    empty = {table.asset_key: table.create_empty() for table in RAW_FACTS}
    found = composed(empty | {"raw/bars": raw_tables["raw/bars"]})
    assert {name for name, frame in found.items() if frame.height} == {"float_shares", "index_bars"}
    assert set(found["index_bars"]["origin"]) == set(found["float_shares"]["origin"]) == {"proxy"}
