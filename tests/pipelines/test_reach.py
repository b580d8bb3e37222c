"""Reach against Dagster's own partition mapping: the two must name the same upstream partitions."""

from datetime import date

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from pipelines.reach import Every, FoldMonths, Months, Same, month_keys, months_before

MONTHS = dg.TimeWindowPartitionsDefinition(cron_schedule="0 0 1 * *", fmt="%Y-%m", start="2006-01", end="2017-07")
KEYS = month_keys(date(2006, 1, 4), date(2017, 6, 29))


def folds_from(start: str, months: str) -> dg.TimeWindowPartitionsDefinition:
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=f"0 0 1 {months} *", fmt="%Y-%m-%d", start=start, end="2017-07-01"
    )


def by_dagster(mapping: dg.PartitionMapping, downstream: dg.PartitionsDefinition, key: str) -> list[str]:
    with partition_loading_context():
        subset = downstream.subset_with_partition_keys([key])
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, downstream, MONTHS)
        return sorted(result.partitions_subset.get_partition_keys())


def test_month_keys_are_dagster_s_keys() -> None:
    assert MONTHS.get_partition_keys() == KEYS


@pytest.mark.parametrize("reach", [Months(), Months(back=5), Months(to_the_end=True), Months(back=2, to_the_end=True)])
@pytest.mark.parametrize("key", ["2006-01", "2006-04", "2012-02", "2017-06"])
def test_months_read_what_dagster_maps(reach: Months, key: str) -> None:
    assert reach.upstream(key, KEYS) == by_dagster(reach.mapping() or dg.TimeWindowPartitionMapping(), MONTHS, key)


@pytest.mark.parametrize("back", [0, 1, 6, 20])
@pytest.mark.parametrize("key", ["2015-07-01", "2017-01-01"])
def test_a_fold_reads_what_dagster_maps_also_over_more_than_a_hundred_months(back: int, key: str) -> None:
    folds = folds_from("2015-07-01", "1,7")
    reach = FoldMonths(6, back)
    assert reach.upstream(key, KEYS) == by_dagster(reach.mapping(), folds, key)
    if back == 20 and key == "2017-01-01":
        assert len(reach.upstream(key, KEYS)) > 100


def test_every_and_same_read_all_and_one() -> None:
    assert Every().upstream(None, KEYS) == KEYS
    assert Same().upstream("2012-02", KEYS) == ["2012-02"]
    assert Same().upstream("2032-02", KEYS) == []


def test_months_before_hold_enough_sessions_even_around_a_long_holiday() -> None:
    assert [months_before(n) for n in (0, 1, 14, 15, 60)] == [0, 1, 1, 2, 5]
