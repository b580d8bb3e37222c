"""Tushare terminal: tushare's client with the token from the environment, which appears nowhere else."""

from __future__ import annotations

import os

import polars as pl

from assets.sources.vendors.asking import PassingFault
from assets.sources.vendors.vendor import as_text, load_client

TOKEN = "TUSHARE_TOKEN"  # noqa: S105
QUOTA_OF_A_MINUTE = "每分钟"
REFUSALS = {
    "每小时": "the quota of the hour is used up; give the same command again later, it goes on where it stopped",
    "每天": "the quota of the day is used up; give the same command again tomorrow, it goes on where it stopped",
    "权限": "your account may not ask this; leave it out of the settings, or see tushare's list of points",
    "积分": "your account has too few points for this; leave it out of the settings, or see tushare's list of points",
    "token": f"the token is not accepted; correct {TOKEN}",
}
ROW_LIMITS = {"anns_d": 2000, "index_weight": 5000, "stock_basic": 10_000}
ROW_LIMIT = 5000
"""Fewer than any of tushare's own limits; an answer that reaches it may have been cut."""
ANSWER_SECONDS = 60


class Terminal:
    """Asks tushare; it has no session, and its client tells no fault from another but by words."""

    def ask(self, endpoint: str, **arguments: str | int) -> pl.DataFrame:
        """The answer of an endpoint as text.

        raises  PassingFault for network faults, a used-up minute and answers that cannot be read; ValueError for a
                refusal, a missing token, or an answer as long as the vendor's limit
        """
        client, token = load_client("tushare"), _token()
        try:
            found = as_text(client.pro_api(token, timeout=ANSWER_SECONDS).query(endpoint, **arguments))
        except Exception as error:
            said, kind = str(error).replace(token, "***"), type(error)
        else:
            limit = ROW_LIMITS.get(endpoint, ROW_LIMIT)
            if found.height >= limit:
                raise ValueError(f"tushare answered {endpoint} with {found.height} rows, which may be cut at {limit}")
            return found
        # Outside of the handler, so that no traceback leads to an error that may hold the token.
        raise _fault(said, kind, endpoint)

    def hang_up(self) -> None:
        """Nothing was opened."""


def _token() -> str:
    token = os.environ.get(TOKEN, "")
    if not token:
        raise ValueError(f"tushare needs a token; set {TOKEN} in the environment, and in no file that is shared")
    return token


def _fault(said: str, kind: type[Exception], endpoint: str) -> Exception:
    """What a fault of the client means: its own are bare Exceptions with Chinese words, the network's have types."""
    if kind is Exception and QUOTA_OF_A_MINUTE not in said:
        advice = next((advice for word, advice in REFUSALS.items() if word in said), "correct the settings")
        return ValueError(f"tushare refuses {endpoint}: {said}; {advice}")
    return PassingFault(f"{kind.__name__}: {said}")
