"""Retries: a source that did not answer is asked again later, where nobody waits for the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

PASSING = (ConnectionError, TimeoutError)
LAUNCHED_BY = ("dagster/schedule_name", "dagster/sensor_name", "dagster/from_automation_condition")
"""Tags of a run that nobody launched by hand."""
MOST, FIRST_WAIT_SECONDS = 4, 60
"""The waits double: a quarter of an hour in all."""


@contextmanager
def again_later(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Let a step wait and try again where what it asks does not answer; a run launched by hand fails at once."""
    try:
        yield
    except PASSING as error:
        if not any(context.has_tag(tag) for tag in LAUNCHED_BY):
            raise
        wait = FIRST_WAIT_SECONDS * 2**context.retry_number
        context.log.warning(f"{error}; asked again in {wait} s, {context.retry_number} of {MOST} retries are used up")
        raise dg.RetryRequested(max_retries=MOST, seconds_to_wait=wait) from error
