"""Stamps: what the event log says of each partition now, read once."""

import dagster as dg
import pytest

from pipelines.lineage import Stamp, read_stamps


def tell(instance: dg.DagsterInstance, part: str | None, **metadata: str) -> None:
    made = dg.AssetMaterialization(["cleaning", "bars"], partition=part, metadata=metadata)
    instance.report_runless_asset_event(made)


def test_the_latest_event_of_each_partition_counts_and_one_without_a_stamp_is_none() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert read_stamps(instance, "cleaning/bars") == {}
        tell(instance, "2015-01", content="a", made_from="x")
        tell(instance, "2015-02", content="b", made_from="x")
        first = read_stamps(instance, "cleaning/bars")
        assert first == {"2015-01": Stamp("a", "x"), "2015-02": Stamp("b", "x")}
        tell(instance, "2015-01", content="c", made_from="y")
        tell(instance, "2015-02")
        assert read_stamps(instance, "cleaning/bars") == {"2015-01": Stamp("c", "y")}
    with dg.DagsterInstance.ephemeral() as other:
        assert read_stamps(other, "cleaning/bars") == {}


def test_an_event_is_read_from_the_log_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tell(instance, "2015-01", content="a", made_from="x")
        read_stamps(instance, "cleaning/bars")
        tell(instance, "2015-02", content="b", made_from="x")
        fetch, fetched = instance.fetch_materializations, []
        monkeypatch.setattr(
            instance, "fetch_materializations", lambda query, limit: fetched.append(limit) or fetch(query, limit)
        )
        assert len(read_stamps(instance, "cleaning/bars")) == 2
        assert len(read_stamps(instance, "cleaning/bars")) == 2
        assert fetched == [1]


def test_an_asset_without_partitions_has_one_stamp() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tell(instance, None, content="a", made_from="x")
        assert read_stamps(instance, "cleaning/bars") == {None: Stamp("a", "x")}
