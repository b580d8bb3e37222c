"""Openings: a holdout is opened by a command, counted, and never without a reason or a record that is whole."""

from pathlib import Path

import pytest

from assets.hash_chain import BrokenChainError
from assets.sources.files import FilesSpec
from assets.sources.holdout import SealedRange
from assets.sources.synthetic_market import SyntheticMarketSpec
from pipelines.open_holdout import main
from pipelines.openings import open_range, openings_of, with_openings
from tests.sources.test_holdout import SEALED, shares

WHY = "the final look at one model"


@pytest.fixture
def ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINDLING_TRIALS", str(tmp_path / "ledgers"))
    return tmp_path / "ledgers"


def test_the_command_opens_the_range_and_says_what_that_means(tmp_path, ledgers, capsys):
    source = shares(tmp_path)
    assert with_openings(source, ledgers).last_session() == SEALED.first.replace(month=6, day=30)
    assert main([f"files:{source.folder}", "--reason", WHY]) == 0
    told = capsys.readouterr().out
    assert "The holdout of shares, 2015-07-01 to 2015-09-30, is open: opening 1 of this source" in told
    assert "It cannot be sealed again" in told
    assert "It was open before" not in told
    opened = with_openings(source, ledgers)
    assert isinstance(opened, FilesSpec)
    assert opened.last_session().month == 12
    assert [(one.source, one.reason) for one in opened.openings] == [("shares", WHY)]


def test_each_opening_is_counted_by_source(tmp_path, ledgers, capsys):
    source = shares(tmp_path)
    open_range(ledgers, "others", SEALED, WHY)
    for _ in range(2):
        assert main([f"files:{source.folder}", "--reason", WHY]) == 0
    told = capsys.readouterr().out
    assert "opening 2 of this source" in told
    assert "It was open before; this was counted all the same." in told
    assert [one.source for one in openings_of(ledgers)] == ["others", "shares", "shares"]


def test_the_holdout_of_a_kept_mapping_is_opened_by_its_name(ledgers):
    assert main(["ashare_2012_2018", "--reason", WHY]) == 0
    (opening,) = openings_of(ledgers)
    assert (opening.source, f"{opening.first}", f"{opening.last}") == ("ashare_2012_2018", "2018-01-01", "2018-12-31")


@pytest.mark.parametrize(
    ("source", "why", "said"),
    [
        ("ashare_2012_2018", "why not", "'why not' is no reason"),
        ("ashare_2012_2018", " " * 20, "is no reason"),
        ("nowhere", WHY, r"no source 'nowhere'; kept mappings are ['ashare_2012_2018']"),
        ("synthetic_market", WHY, "no source 'synthetic_market'"),
        ("nothing:", WHY, "market 'nothing:' is not known"),
    ],
)
def test_what_cannot_be_opened_is_refused_and_not_recorded(ledgers, capsys, source, why, said):
    assert main([source, "--reason", why]) == 2
    assert said in capsys.readouterr().err
    assert openings_of(ledgers) == ()


def test_a_folder_that_seals_nothing_has_nothing_to_open(tmp_path, ledgers, capsys):
    source = shares(tmp_path, sealed=None)
    assert main([f"files:{source.folder}", "--reason", WHY]) == 2
    assert "shares declares no sealed dates" in capsys.readouterr().err
    assert with_openings(source, ledgers) == source


def test_a_record_of_openings_that_was_cut_opens_nothing_and_stops_what_reads_the_source(tmp_path, ledgers, capsys):
    source = shares(tmp_path)
    open_range(ledgers, "shares", SEALED, WHY)
    (ledgers / "openings.jsonl").unlink()
    with pytest.raises(BrokenChainError, match=r"openings.jsonl is cut or was edited"):
        with_openings(source, ledgers)
    assert main([f"files:{source.folder}", "--reason", WHY]) == 2
    assert "cut off" in capsys.readouterr().err


def test_a_source_without_a_holdout_is_left_as_it_is(tmp_path):
    (tmp_path / "openings.jsonl").write_text("torn")
    market = SyntheticMarketSpec()
    assert with_openings(market, tmp_path) is market


def test_a_wider_opening_opens_a_range_inside_it(tmp_path):
    source = shares(tmp_path)
    open_range(tmp_path, "shares", SealedRange(first=SEALED.first, last=SEALED.last.replace(year=2020)), WHY)
    assert with_openings(source, tmp_path).last_session().month == 12
