import socket
import sys
from types import SimpleNamespace

import pytest

from assets.sources.vendors import baostock_terminal
from assets.sources.vendors.asking import PassingFault
from assets.sources.vendors.baostock_terminal import Terminal


def test_a_server_that_never_answers_is_cut_off(monkeypatch):
    """The real client reads from its socket without a time limit, and for ever once the other side has gone."""
    ours, theirs = socket.socketpair()

    def query_stock_basic():
        try:
            while ours.recv(10) == b"":
                pass
        except OSError:
            return SimpleNamespace(error_code="10002007", error_msg="网络接收错误。", fields=[], next=lambda: False)
        raise AssertionError("something was received")

    login = SimpleNamespace(error_code="0", error_msg="success")
    client = SimpleNamespace(login=lambda: login, query_stock_basic=query_stock_basic)
    monkeypatch.setitem(sys.modules, "baostock", client)
    monkeypatch.setitem(sys.modules, "baostock.common.context", SimpleNamespace(default_socket=ours))
    monkeypatch.setattr(baostock_terminal, "ANSWER_SECONDS", 0.1)
    with pytest.raises(PassingFault, match="10002007"):
        Terminal().ask("query_stock_basic")
    theirs.close()


def test_no_answer_object_at_all_is_a_passing_fault(monkeypatch):
    login = SimpleNamespace(error_code="0", error_msg="success")
    client = SimpleNamespace(login=lambda: login, query_trade_dates=lambda **_: None)
    monkeypatch.setitem(sys.modules, "baostock", client)
    with pytest.raises(PassingFault, match="no answer"):
        Terminal().ask("query_trade_dates", start_date="2020-01-01", end_date="2020-01-31")
