"""Baostock terminal: one logged-in session of baostock's client, whose faults become ours."""

from __future__ import annotations

import contextlib
import io
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import polars as pl

from assets.sources.vendors.asking import PassingFault
from assets.sources.vendors.vendor import load_client

SUCCESS = "0"
PASSING = ("10001001", "10001005", "10002", "10004001", "10004002", "10004003", "10005")
"""Error codes, or their beginnings, of what may be over in a minute: lost session, too many logins, network, server."""
ANSWER_SECONDS = 120.0


class Terminal:
    """Logs in at the first question and again after a fault; baostock serves one session at a time."""

    def __init__(self) -> None:
        self._client: Any = None

    def ask(self, endpoint: str, **arguments: str | int) -> pl.DataFrame:
        """The whole answer of an endpoint, all pages, as text.

        raises  PassingFault for network and server faults, ValueError when baostock refuses the question
        """
        with _silenced(), _cut_off_after(ANSWER_SECONDS):
            answer = getattr(self._logged_in(), endpoint)(**arguments)
            rows = _all_rows(answer)
        self._check(answer, f"{endpoint} {arguments}")
        return pl.DataFrame(rows, schema=dict.fromkeys(answer.fields, pl.String), orient="row")

    def hang_up(self) -> None:
        """Log out, where logged in; the answers are kept whatever happens here."""
        if self._client is not None:
            with _silenced(), contextlib.suppress(Exception):
                self._client.logout()
        self._client = None

    def _logged_in(self) -> Any:
        if self._client is None:
            client = load_client("baostock")
            self._check(client.login(), "login")
            self._client = client
        return self._client

    def _check(self, answer: Any, question: str) -> None:
        code = getattr(answer, "error_code", "no answer")
        if code == SUCCESS:
            return
        self._client = None
        said = f"baostock says {code} {getattr(answer, 'error_msg', '')} to {question}"
        if code == "no answer" or str(code).startswith(PASSING):
            raise PassingFault(said)
        raise ValueError(f"{said}; correct the question, or see baostock's list of error codes")


def _all_rows(answer: Any) -> list[list[str]]:
    """Rows of all pages. The client gives them one by one, and its own get_data() fails on a second page."""
    rows = []
    while answer is not None and answer.error_code == SUCCESS and answer.next():
        rows.append(answer.get_row_data())
    return rows


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Without what the client prints; it tells every login."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _cut_off_after(seconds: float) -> Iterator[None]:
    """Close the client's socket when an answer takes too long: alone it waits for ever on a dead line."""
    timer = threading.Timer(seconds, _close_socket)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _close_socket() -> None:
    held = getattr(sys.modules.get("baostock.common.context"), "default_socket", None)
    if held is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
        held.close()
