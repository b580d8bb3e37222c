import json
import sys

import pytest
import yaml

from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks import market_realism
from benchmarks.outcome import MISSED, NOT_POSSIBLE, REACHED


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["market_realism", *map(str, words)])
    return market_realism.main()


def test_without_real_bars_it_says_where_they_should_be(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KINDLING_SHARED", str(tmp_path))
    assert run(monkeypatch) == NOT_POSSIBLE
    assert str(tmp_path / "data" / "ashare_2012_2018") in capsys.readouterr().err


def test_a_market_comes_from_its_file_once_for_each_seed(tmp_path):
    file = tmp_path / "market.yaml"
    file.write_text(yaml.safe_dump({"kind": "synthetic_market", "securities": 7, "seed": 9}))
    specs = market_realism.markets(file, [0, 3])
    assert [(spec.seed, spec.securities) for spec in specs] == [(0, 7), (3, 7)]
    assert market_realism.markets(None, [2]) == [SyntheticMarketSpec(seed=2)]


def test_an_unknown_key_of_the_market_is_refused_by_name(tmp_path):
    file = tmp_path / "market.yaml"
    file.write_text("securitees: 7")
    with pytest.raises(ValueError, match="securitees"):
        market_realism.markets(file, [0])


REAL = pytest.mark.skipif(not market_realism.real_bars().exists(), reason=f"no data in {market_realism.real_bars()}")


@pytest.mark.real_data
@REAL
def test_a_small_market_is_set_beside_the_real_one(monkeypatch, tmp_path, capsys):
    file = tmp_path / "market.yaml"
    file.write_text("securities: 40\nsessions: 300")
    ended = run(monkeypatch, "--market", file, "--seeds", "0", "--out", tmp_path / "reports")
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert ended == (MISSED if figures["facts_outside"] else REACHED)
    assert figures["facts"] >= 16
    assert len(figures["outside"]) == figures["facts_outside"]
    assert (tmp_path / "reports" / "market_realism.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.real_data
@REAL
def test_the_sealed_year_is_not_read():
    real = market_realism.whole(market_realism.FilesSpec(folder=market_realism.real_bars()))
    assert (real.year_T.min(), real.year_T.max()) == (2012, 2017)
