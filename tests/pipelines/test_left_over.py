"""Runs that were at work when their user interface was killed."""

from __future__ import annotations

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from pipelines.left_over import HELD_BY, end_held, end_left_over


def test_what_an_earlier_user_interface_launched_is_ended_and_nothing_else() -> None:
    launched = {GRPC_INFO_TAG: "{}"}
    with dg.DagsterInstance.ephemeral() as instance:
        made = {
            name: create_run_for_test(instance, status=status, tags=tags).run_id
            for name, status, tags in (
                ("at work", dg.DagsterRunStatus.STARTED, launched),
                ("starting", dg.DagsterRunStatus.STARTING, launched),
                ("waiting", dg.DagsterRunStatus.NOT_STARTED, launched),
                ("over", dg.DagsterRunStatus.SUCCESS, launched),
                ("of a demo", dg.DagsterRunStatus.STARTED, {}),
                ("held", dg.DagsterRunStatus.STARTED, {HELD_BY: "another run"}),
            )
        }
        assert end_held(instance) == [made.pop("held")]
        made["held again"] = create_run_for_test(
            instance, status=dg.DagsterRunStatus.STARTED, tags={HELD_BY: "another run"}
        ).run_id
        assert set(end_left_over(instance)) == {made["at work"], made["starting"], made["held again"]}
        found = {name: instance.get_run_by_id(run_id).status for name, run_id in made.items()}
        assert found == {
            "at work": dg.DagsterRunStatus.FAILURE,
            "starting": dg.DagsterRunStatus.FAILURE,
            "waiting": dg.DagsterRunStatus.NOT_STARTED,
            "over": dg.DagsterRunStatus.SUCCESS,
            "of a demo": dg.DagsterRunStatus.STARTED,
            "held again": dg.DagsterRunStatus.FAILURE,
        }
        assert end_left_over(instance) == []
