import polars as pl

from assets.evaluation.page import image, page, section, table


def test_text_cannot_become_markup():
    shown = table(pl.DataFrame({"<b>": ["<script>"]}), numbers=())
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<i>" not in page("<i>", [])
    assert "'><" not in image(b"", "'><")


def test_numbers_stand_to_the_right_with_separators_and_nothing_stands_for_null():
    shown = table(pl.DataFrame({"why": [None], "rows": [1234567]}), numbers=("rows",))
    assert "<td class=number>1,234,567" in shown
    assert "<td class=text><" in shown


def test_a_section_without_content_is_left_out():
    assert section("Title", "", "") == ""
    assert section("Title", "", "x").startswith("<section><h2>Title</h2>")
