import json

import polars as pl

import assets.cleaning
from assets.cleaning import refused_facts
from assets.cleaning.refused_facts import RAW, UNDATED
from assets.table import declarations
from expectations.fact_tables import RefusedFacts
from expectations.facts import RAW_FACTS, RawNews, RawStatements
from pipelines.declared import in_order, modules_of


def refused(raw_tables) -> pl.DataFrame:
    frames = {name: raw_tables.get(name.replace("raw_", "raw/"), None) for name in RAW}
    empty = {table.asset_key.replace("/", "_"): table.create_empty() for table in RAW_FACTS}
    given = {name: (empty[name] if frame is None else frame).lazy() for name, frame in frames.items()}
    return RefusedFacts.validate(refused_facts.refused_facts(**given).collect())


def test_every_raw_table_of_facts_is_judged():
    declared = refused_facts.refused_facts.table.inputs
    assert {schema for schema in declared.values()} == set(RAW_FACTS)


def test_every_fact_is_admitted_or_refused_and_never_both(raw_tables):
    by_table = dict(refused(raw_tables)["table"].value_counts().iter_rows())
    tables = in_order(declarations(*modules_of([assets.cleaning])))
    made = dict(raw_tables)
    for key, table in tables.items():
        made[key] = table.function(**{n: made[s.asset_key].lazy() for n, s in table.inputs.items()}).collect()
    for key, raw in raw_tables.items():
        if key == "raw/bars":
            continue
        admitted = made[key.replace("raw", "cleaning")]
        if "origin" in admitted.columns:
            admitted = admitted.filter(origin="reported")
        name = key.split("/")[1]
        assert by_table.get(name, 0) > 0, name
        assert admitted.height > 0, name
        assert raw.height == admitted.height + by_table[name], name


def test_a_refused_row_is_kept_as_it_was_delivered(rows_of):
    raw = rows_of(RawNews, [{"news_id": "n1", "kind": "rumour", "title": "x", "available_at": None}])
    found = refused({"raw/news": raw}).row(0, named=True)
    assert (found["table"], found["rule"], found["delivery"]) == ("news", "missing_available_at", "a.csv")
    assert found["known_on"] == UNDATED
    row = json.loads(found["row"])
    assert (row["news_id"], row["kind"], row["available_at"]) == ("n1", "rumour", None)
    assert set(row) == set(RawNews.column_names())


def test_numbers_that_are_none_are_told_in_the_row(rows_of):
    raw = rows_of(RawStatements, [{"security_id": "a", "value": float("nan"), "available_at": None}])
    assert json.loads(refused({"raw/statements": raw})["row"][0])["value"] == "NaN"


def test_without_facts_nothing_is_refused():
    assert refused({}).is_empty()
