"""Notices: a run that failed is told to people, in the log and, where one is set, at the address of a webhook."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import dagster as dg

SECONDS = 10.0
LONGEST = 500
SCHEMES = ("http://", "https://")


def failure_notice(webhook: str | None) -> dg.SensorDefinition:
    """Tell of every run that fails: its job, what failed first and why.

    With KINDLING_WEBHOOK set, the line goes there too, as JSON `{"text": ...}`; what cannot be delivered is logged.
    """

    @dg.run_failure_sensor(
        name="failure_notice",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=failure_notice.__doc__,
    )
    def notice(context: dg.RunFailureSensorContext) -> None:
        text = words(context)
        context.log.error(text)
        if webhook and (fault := sent(webhook, text)):
            context.log.error(f"the notice could not be delivered: {fault}")

    return notice


def words(context: dg.RunFailureSensorContext) -> str:
    """What failed, where and why, in one line."""
    run = context.dagster_run
    events = context.get_step_failure_events()
    error = events[0].step_failure_data.error if events else None
    cause = error.cause if error and error.cause else error
    why = f"{events[0].step_key}: {cause.message.strip()}" if events and cause else context.failure_event.message
    partition = run.tags.get("dagster/partition")
    where = f"{run.job_name}{f' {partition}' if partition else ''}"
    return f"Kindling: {where} failed (run {run.run_id[:8]}). {why}"[:LONGEST]


def sent(webhook: str, text: str) -> str | None:
    """Send a line; returns why that failed, without the address, which is a secret, or None."""
    if not webhook.startswith(SCHEMES):
        return f"KINDLING_WEBHOOK is no address of {' or '.join(SCHEMES)}"
    body = json.dumps({"text": text}).encode()
    try:
        # The scheme was looked at above.
        request = urllib.request.Request(webhook, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return type(reason).__name__
