"""Akshare terminal: akshare's functions, which read public web pages, with a time limit and faults that become ours."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from typing import Any

import polars as pl

from assets.sources.vendors.asking import PassingFault
from assets.sources.vendors.vendor import as_text, load_client

ANSWER_SECONDS = 120.0


class Terminal:
    """Asks akshare; it has no session, and a page that bans or changed ends in any exception at all."""

    def ask(self, endpoint: str, **arguments: str | int) -> pl.DataFrame:
        """The answer of a function as text.

        raises  PassingFault for whatever goes wrong in it
        """
        client = load_client("akshare")
        try:
            return as_text(_within(ANSWER_SECONDS, lambda: getattr(client, endpoint)(**arguments)))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        raise PassingFault(f"{reason}. A page that bans this address answers so too: then wait an hour, and ask slower")

    def hang_up(self) -> None:
        """Nothing was opened."""


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The result of a call; most of akshare's have no time limit of their own, so one that hangs is left behind."""
    done: list[Any] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                done.append(call())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no answer in {seconds:.0f} seconds")
    return done[0]
