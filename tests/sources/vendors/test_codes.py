import polars as pl
import pytest

from assets.sources.vendors.codes import board, dotted, from_digits, from_dotted, from_suffixed, suffixed

CODES = {
    "sh600000": "main", "sh601398": "main", "sh605599": "main", "sh688001": "star", "sh689009": "star",
    "sz000001": "main", "sz001696": "main", "sz002415": "main", "sz003816": "main", "sz300750": "chinext",
    "sz301269": "chinext", "sz302132": "chinext", "bj430047": "bse", "bj832000": "bse", "bj873223": "bse",
    "bj920002": "bse", "bj889999": "bse",
    "sh000300": None, "sz399001": None, "sh900901": None, "sz200002": None, "sh510300": None, "sz159915": None,
}  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CODES.items())
def test_boards_by_code_and_none_for_what_is_no_a_share(code, expected):
    assert pl.select(board(pl.lit(code))).item() == expected


@pytest.mark.parametrize("code", [code for code, held in CODES.items() if held])
def test_every_vendors_way_of_writing_comes_back(code):
    ways = {dotted(code): from_dotted, suffixed(code): from_suffixed, code[2:]: from_digits}
    assert [pl.select(read(pl.lit(written))).item() for written, read in ways.items()] == [code] * 3


def test_digits_that_lost_their_zeros_are_filled():
    assert pl.select(from_digits(pl.lit("1"))).item() == "sz000001"
