"""A source that does not answer is asked again where nobody waits, and only then."""

import dagster as dg
import pytest

from pipelines import retries
from pipelines.retries import MOST, again_later


def tries(error: Exception, tags: dict[str, str], answers_at: int = 99) -> tuple[int, bool]:
    """How often the source was asked, and whether the run succeeded."""
    asked = []

    @dg.asset
    def bars(context: dg.AssetExecutionContext) -> None:
        with again_later(context):
            asked.append(context.retry_number)
            if len(asked) < answers_at:
                raise error

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([bars], instance=instance, tags=tags, raise_on_error=False)
    return len(asked), done.success


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0)


@pytest.mark.parametrize("tag", ["dagster/schedule_name", "dagster/sensor_name", "dagster/from_automation_condition"])
def test_a_run_that_nobody_waits_for_asks_again(tag: str) -> None:
    assert tries(ConnectionError("no answer"), {tag: "x"}, answers_at=3) == (3, True)
    assert tries(TimeoutError("no answer"), {tag: "x"}) == (MOST + 1, False)


def test_a_run_by_hand_fails_at_once() -> None:
    assert tries(ConnectionError("no answer"), {}, answers_at=3) == (1, False)


def test_what_asking_again_cannot_mend_fails_at_once() -> None:
    assert tries(ValueError("no such file"), {"dagster/schedule_name": "x"}, answers_at=3) == (1, False)
