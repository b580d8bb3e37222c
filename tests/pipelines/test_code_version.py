"""Code version: what a module means, not how it is written."""

import ast
import shutil
from pathlib import Path

import pytest

from pipelines import code_version as subject


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(subject, "ROOT", tmp_path)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "__init__.py").write_text("")
    (tmp_path / "assets" / "leaf.py").write_text("X = 1\n")
    (tmp_path / "assets" / "own.py").write_text('"""Text."""\nimport math\nfrom assets.leaf import X\nY = X + 1\n')
    (tmp_path / "assets" / "other.py").write_text("Z = 1\n")
    return tmp_path


def version() -> str:
    for cached in (subject.code_version, subject.source_path, subject._reading):
        cached.cache_clear()
    return subject.code_version("assets.own")


def test_comments_docstrings_and_layout_do_not_count(project: Path) -> None:
    before = version()
    text = '"""Other text."""\n# a comment\nimport math\nfrom assets.leaf import X\n\n\nY = (X\n     + 1)\n'
    (project / "assets" / "own.py").write_text(text)
    assert version() == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("own.py", "from assets.leaf import X\nY = X + 2\n"),
        ("leaf.py", "X = 2\n"),
        ("own.csv", "rule\n1\n"),
        ("leaf.yaml", "a: 1\n"),
    ],
)
def test_the_module_what_it_imports_and_the_data_beside_them_count(project: Path, file: str, text: str) -> None:
    before = version()
    (project / "assets" / file).write_text(text)
    assert version() != before


def test_a_module_that_is_not_imported_does_not_count(project: Path) -> None:
    before = version()
    (project / "assets" / "other.py").write_text("Z = 2\n")
    assert version() == before


def test_an_unknown_module_is_named(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"assets\.nothing"):
        subject.code_version("assets.nothing")


def test_a_text_is_read_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version()
    monkeypatch.setattr(ast, "parse", lambda *_: pytest.fail("read again"))
    assert version() == before
    (project / "assets" / "own.csv").write_text("rule\n1\n")
    with pytest.raises(pytest.fail.Exception, match="read again"):
        version()


def test_a_kept_reading_that_is_torn_is_made_again(project: Path) -> None:
    before = version()
    kept = project / ".kindling" / "readings" / "assets.own.json"
    for text in ("{", "[]", '{"key": 1}', ""):
        kept.write_text(text)
        assert version() == before
    assert kept.read_text().startswith("{")


def test_where_nothing_can_be_written_it_is_read_again(project: Path) -> None:
    before = version()
    shutil.rmtree(project / ".kindling")
    (project / ".kindling").write_text("a file in its place")
    assert version() == before
