"""Gate cost: processor seconds go to the step that spent them, and the share is the gate's in what it guards."""

import math
import subprocess
import sys
from types import SimpleNamespace

import dagster as dg
import pytest

from benchmarks.gate_cost import Meter, processor_seconds, shared

START, SUCCESS, FAILURE, OTHER = (
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_OUTPUT,
)

STEPS = {key.replace("/", "__"): key for key in ("gate/leakage", "gate/data", "features/price_window")}


def told(meter: Meter, kind: dg.DagsterEventType, step: str, now: float) -> None:
    meter.event(SimpleNamespace(event_type=kind, step_key=step), now)  # type: ignore[arg-type]


def test_seconds_between_start_and_end_go_to_the_asset_and_those_between_steps_to_none() -> None:
    meter = Meter(STEPS)
    for kind, step, now in [
        (START, "gate__leakage", 1.0), (OTHER, "gate__leakage", 2.0), (SUCCESS, "gate__leakage", 4.0),
        (START, "features__price_window", 10.0), (SUCCESS, "features__price_window", 10.5),
        (START, "gate__leakage", 20.0), (SUCCESS, "gate__leakage", 21.0),
    ]:  # fmt: skip
        told(meter, kind, step, now)
    assert meter.seconds == {"gate/leakage": 4.0, "features/price_window": 0.5}
    assert meter.steps == {"gate/leakage": 2, "features/price_window": 1}
    assert meter.failed == []


def test_a_step_that_failed_is_named() -> None:
    meter = Meter(STEPS)
    told(meter, START, "gate__data", 0.0)
    told(meter, FAILURE, "gate__data", 1.0)
    assert meter.failed == ["gate/data"]


def test_the_share_is_the_gate_over_all_that_is_not_the_gate() -> None:
    spent = {"gate/leakage": 2.0, "gate/evidence_purge": 1.0, "raw/bars": 4.0, "experiments/gate/report": 8.0}
    assert shared(spent) == {"share": 0.25, "gate": 3.0, "guarded": 12.0}
    assert math.isnan(shared({"gate/data": 1.0})["share"])


def test_seconds_of_a_child_that_has_ended_are_counted() -> None:
    before = processor_seconds()
    busy = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert processor_seconds() - before == pytest.approx(0.35, abs=0.15)
