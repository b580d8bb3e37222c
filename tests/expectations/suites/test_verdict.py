import functools
import subprocess
import sys
from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from expectations.adjustment_invariance import ADJUSTMENT_INVARIANCE
from expectations.decisions import decision_instant, decisions
from expectations.evidence import COUNTS, EXECUTION, FUTURE_PERTURBATION, PURGE, TIMESTAMP_ORDER
from expectations.fills import execution
from expectations.input_order import INPUT_ORDER
from expectations.label_intervals import LABEL_INTERVALS
from expectations.leakage import timestamp_order
from expectations.membership import MEMBERSHIP
from expectations.stamps import STAMPS
from expectations.suites import Verdict, evidence_hash, judge
from expectations.table_by_table import Step, table_by_table
from expectations.vintage import VINTAGE
from pipelines.replay import stored_in

DECIDED = [decision_instant(date(2015, 3, day), 20) for day in (4, 5)]


def perturbation(column="close_mean_3d", table="features/x", **changed):
    row = {
        "table": table, "column": column, "rows_compared": 100, "rows_changed": 0, "rows_missing": 0, "rows_added": 0,
        "worst_difference": None, "first_example": None, "rows_later": 50, "rows_later_changed": 50, "alive": True,
        "passed": True,
    }  # fmt: skip
    return [{"decided_at": instant, **row, **changed} for instant in DECIDED]


SOUND = {"rows_violating": 0, "rows_undated": 0, "passed": True}


def sound(schema, **told):
    """One row of a table of evidence that nothing is wrong with."""
    row = SOUND | told
    return pl.DataFrame([{name: row.get(name) for name in schema}], schema=schema)


def evidence(*rows):
    order = {"session": [date(2015, 3, 4)], "rows": 5, "rows_undated": 0, "last_available_at": None, "passed": True}
    fills = {"rule": ["a rule"], "rows_checked": 5, "rows_violating": 0, "passed": True}
    return {
        "future_perturbation": pl.DataFrame(list(rows or perturbation()), schema=FUTURE_PERTURBATION),
        "adjustment_invariance": sound(ADJUSTMENT_INVARIANCE, rows_changed=0),
        "timestamp_order": pl.DataFrame(order).with_columns(decided_at=None).select(TIMESTAMP_ORDER.names()),
        "execution": pl.DataFrame(fills).with_columns(first_example=None).select(EXECUTION.names()),
        "fills": sound(EXECUTION),
        "label_intervals": sound(LABEL_INTERVALS),
        "input_order": sound(INPUT_ORDER),
    }


def counts(**changed):
    row = {
        "month": "2015-01", "rows_raw": 100, "rows_kept": 98, "rows_refused": 2, "rows_unaccounted": 0,
        "refused_share": 0.02, "sessions": 20,
    }  # fmt: skip
    others = {"vintage": sound(VINTAGE), "stamps": sound(STAMPS), "membership": sound(MEMBERSHIP)}
    return {"counts": pl.DataFrame([row | changed], schema=COUNTS), **others}


def boundary(**changed):
    row = {
        "fold": "2015-01-01", "boundary": "train|valid", "rows_before": 9, "rows_unsettled": 0, "rows_astray": 0,
        "rows_purged": 2, "last_exit": DECIDED[0], "first_decision": DECIDED[1], "gap_hours": 24.0, "passed": True,
    }  # fmt: skip
    return pl.DataFrame([row | changed], schema=PURGE)


def test_clean_evidence_passes_with_its_hash():
    verdict = judge("leakage", evidence())
    assert verdict == Verdict(
        stage="leakage",
        passed=True,
        failures=(),
        evidence_hash=evidence_hash(evidence()),
        expectations=verdict.expectations,
        results=verdict.results,
    )
    assert verdict.expectations >= 15


def test_a_failing_row_names_table_column_decision_and_first_example():
    leak = perturbation(
        "peek", rows_changed=12, passed=False, first_example="sz000401 2015-03-04: 1.0 before, 2.0 after"
    )
    verdict = judge("leakage", evidence(*perturbation(), leak[0]))
    assert not verdict.passed
    assert verdict.failures == (
        "future_perturbation: table features/x, column peek, decided_at 2015-03-04 20:00:00+08:00: passed is False, "
        "rows_changed is 12; first: sz000401 2015-03-04: 1.0 before, 2.0 after",
    )


@pytest.mark.parametrize("count", ["rows_changed", "rows_missing", "rows_added"])
def test_a_count_above_zero_fails_even_where_the_row_calls_itself_passed(count):
    (failure, *_) = judge("leakage", evidence(*perturbation(**{count: 3}))).failures
    assert f"{count} is 3" in failure


def test_a_column_must_follow_the_future_after_at_least_one_decision():
    assert judge("leakage", evidence(*perturbation()[:1], *perturbation(alive=False)[1:])).passed
    verdict = judge("leakage", evidence(*perturbation(), *perturbation("constant", alive=False)))
    assert verdict.failures == ("liveness: table features/x, column constant: alive is False",)
    assert judge("leakage", evidence(*perturbation(), *perturbation("board", "cleaning/bars", alive=None))).passed
    (failure,) = judge("leakage", evidence(*perturbation(alive=None))).failures
    assert failure.startswith("liveness: the table has 0 rows")


def test_a_column_of_which_no_row_was_compared_fails():
    verdict = judge("leakage", evidence(*perturbation(), *perturbation("late", rows_compared=0)))
    assert verdict.failures == ("coverage: table features/x, column late: rows_compared is 0",)


def test_an_empty_table_is_a_failure_that_says_so():
    for name, table in evidence().items():
        failures = judge("leakage", evidence() | {name: table.clear()}).failures
        assert f"{name}: the table has 0 rows; without evidence nothing is shown" in failures


def test_a_metric_that_cannot_be_computed_is_a_failure_that_says_so():
    broken = evidence()
    broken["execution"] = broken["execution"].drop("passed")
    verdict = judge("leakage", broken)
    assert not verdict.passed
    assert all("on column 'passed' could not be computed" in failure for failure in verdict.failures)
    assert "columns: ['rule', 'rows_checked'" in verdict.failures[0]
    assert "does not exist" in verdict.failures[0]
    assert len(verdict.failures) == 2
    for column in ("alive", "rows_changed"):
        broken = evidence()
        broken["future_perturbation"] = broken["future_perturbation"].drop(column)
        assert not judge("leakage", broken).passed
    texts = evidence()
    texts["execution"] = texts["execution"].with_columns(rows_violating=pl.lit("none"))
    assert not judge("leakage", texts).passed


def test_an_unknown_value_is_a_failure():
    unknown = evidence()
    unknown["execution"] = unknown["execution"].with_columns(passed=pl.lit(None, dtype=pl.Boolean))
    assert judge("leakage", unknown).failures == ("execution: rule a rule: passed is None",)


def test_missing_evidence_is_a_failure_and_unknown_evidence_or_stage_an_error():
    given = evidence()
    del given["execution"]
    assert judge("leakage", given).failures == ("execution: no such evidence was given",)
    with pytest.raises(ValueError, match=r"'leakage' knows no evidence \['other'\]"):
        judge("leakage", evidence() | {"other": pl.DataFrame()})
    with pytest.raises(ValueError, match=r"no suite for the stage 'models'.*data.*leakage.*purge"):
        judge("models", {})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rows_unaccounted": 1}, "month 2015-01: rows_unaccounted is 1"),
        ({"rows_unaccounted": -1}, "month 2015-01: rows_unaccounted is -1"),
        ({"refused_share": 0.2}, "month 2015-01: refused_share is 0.2"),
        ({"sessions": 0}, "month 2015-01: sessions is 0"),
    ],
)
def test_lost_refused_or_absent_data_fails(changed, words):
    assert judge("data", counts()).passed
    assert judge("data", counts(**changed)).failures == (f"counts: {words}",)


@pytest.mark.parametrize("name", ["vintage", "stamps", "membership"])
def test_a_failing_row_on_instants_or_members_fails_the_data(name):
    lie = counts()[name].with_columns(passed=False, first_example=pl.lit("sz000401 known at noon"))
    (failure,) = judge("data", counts() | {name: lie}).failures
    assert failure == f"{name}: : passed is False; first: sz000401 known at noon"


def test_a_purge_without_a_gap_fails_by_its_boundary():
    assert judge("purge", {"purge": boundary()}).passed
    assert judge("leakage", evidence() | {"purge": boundary()}).passed
    failures = judge("purge", {"purge": boundary(gap_hours=-3.0, passed=False)}).failures
    assert failures == ("purge: fold 2015-01-01, boundary train|valid: passed is False, gap_hours is -3.0",)


def test_many_failing_rows_are_counted_after_the_first_ones():
    many = [row for i in range(30) for row in perturbation(f"c{i}", rows_changed=1)]
    failures = judge("leakage", evidence(*many)).failures
    assert len(failures) == 21
    assert failures[-1] == "future_perturbation: 40 more rows fail"


def test_the_hash_follows_the_content_and_not_the_order():
    tables = evidence(*perturbation(), *perturbation("other"))
    turned = {name: tables[name].reverse() for name in reversed(tables)}
    assert evidence_hash(tables) == evidence_hash(turned)
    assert evidence_hash(tables) != evidence_hash(evidence(*perturbation(), *perturbation("another")))
    renamed = tables | {"execution": tables["execution"].rename({"rule": "law"})}
    assert evidence_hash(tables) != evidence_hash(renamed)


def test_a_verdict_is_frozen():
    with pytest.raises(ValidationError):
        judge("data", counts()).passed = True


def test_a_planted_leak_fails_from_the_bars_to_the_verdict(raw, features, labels):
    def toy(bars, leak):
        peek = (pl.col("return_1d").shift(-1) if leak else pl.col("return_1d")).over("security_id")
        return features(bars.collect()).with_columns(peek=peek)

    def settled(bars):
        return labels(bars.collect())

    sessions = raw["session"].unique().sort().to_list()
    bars = raw.with_columns(vwap=pl.col("amount") / pl.col("volume"), is_locked_up=False)
    others = evidence() | {"timestamp_order": timestamp_order(raw, 20), "execution": execution(labels(raw), bars)}
    reads = {"bars": "raw/bars"}
    for leak in (False, True):
        steps = (
            Step("features/toy", functools.partial(toy, leak=leak), reads, {"bars": 5}),
            Step("targets/toy", settled, reads, {}, is_target=True),
        )
        stored = stored_in({"raw/bars": raw} | {step.key: step.make(raw.lazy()) for step in steps})
        found = table_by_table(steps, stored, sessions, decisions(sessions, 3), 0)
        verdict = judge("leakage", others | {"future_perturbation": found})
        assert verdict.passed is not leak
        assert all("table features/toy, column peek, decided_at 2015-" in failure for failure in verdict.failures)
        assert len(verdict.failures) == (3 if leak else 0)


def test_judging_is_quiet_and_great_expectations_is_imported_only_then(tmp_path):
    code = (
        "import os, socket, sys, polars as pl\n"
        "socket.socket.connect = lambda *_: print('somebody is called')\n"
        "from expectations.suites import judge\n"
        "assert 'great_expectations' not in sys.modules and 'pandas' not in sys.modules\n"
        "assert not judge('purge', {'purge': pl.DataFrame({'fold': ['a']})}).passed\n"
        "assert os.environ['GX_ANALYTICS_ENABLED'] == 'false' and 'great_expectations' in sys.modules"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
