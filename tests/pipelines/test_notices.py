"""A failed run is told with its cause, and the address of the webhook is never shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import dagster as dg
import pytest

from pipelines.notices import failure_notice, sent
from pipelines.settings import read_settings


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    told: ClassVar[list[dict[str, str]]] = []
    status = 200

    def do_POST(self) -> None:
        self.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def address() -> Iterator[str]:
    Hook.told.clear()
    Hook.status = 200
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret-of-mine"
    server.shutdown()
    server.server_close()


@dg.asset
def torn() -> None:
    raise ValueError("raw/bars has no row of 2015-03-02; send it again")


def failed(webhook: str | None) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = dg.Definitions([torn], jobs=[dg.define_asset_job("refresh", "*")])
        job = definitions.resolve_job_def("refresh")
        run = job.execute_in_process(instance=instance, raise_on_error=False, tags={"dagster/partition": "2015-03"})
        (event,) = [one for one in run.all_events if one.event_type_value == "PIPELINE_FAILURE"]
        context = dg.build_run_status_sensor_context(
            sensor_name="failure_notice", dagster_instance=instance, dagster_run=run.dagster_run, dagster_event=event
        )
        failure_notice(webhook)(context.for_run_failure())


def test_a_failed_run_is_told_with_job_partition_and_cause(address: str) -> None:
    failed(address)
    (told,) = Hook.told
    assert told["text"].startswith("Kindling: refresh 2015-03 failed (run ")
    assert told["text"].endswith("torn: ValueError: raw/bars has no row of 2015-03-02; send it again")


def test_without_an_address_it_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    failed(None)
    assert "Kindling: refresh 2015-03 failed" in capsys.readouterr().err


def test_what_cannot_be_delivered_is_logged_without_the_address(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Hook.status = 500
    failed(address)
    said = capsys.readouterr().err
    assert "the notice could not be delivered: it answered 500" in said
    assert "secret-of-mine" not in said


@pytest.mark.parametrize(
    ("webhook", "fault"),
    [
        ("http://127.0.0.1:9/secret-of-mine", "ConnectionRefusedError"),
        ("file:///etc/secret-of-mine", "KINDLING_WEBHOOK is no address of http:// or https://"),
        ("http://[secret-of-mine", "ValueError"),
    ],
)
def test_why_it_could_not_be_sent(webhook: str, fault: str) -> None:
    assert sent(webhook, "text") == fault


def test_the_address_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDLING_WEBHOOK", "https://hook/secret-of-mine")
    settings = read_settings()
    assert settings.webhook == "https://hook/secret-of-mine"
    assert "secret-of-mine" not in repr(replace(settings))
