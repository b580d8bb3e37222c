from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import gate_pictures


def test_a_market_that_was_not_judged_is_refused_by_name() -> None:
    warehouse = SimpleNamespace(stored=lambda key: set() if key.startswith("gate/") else {None})
    project = SimpleNamespace(graph=SimpleNamespace(warehouse=warehouse), settings=SimpleNamespace(warehouse="there"))
    with pytest.raises(FileNotFoundError, match=r"there has no .'gate/evidence_future_perturbation'.; run `make demo`"):
        list(gate_pictures.drawn(project))


def test_the_page_of_the_replays_is_photographed_or_else_the_index(tmp_path: Path) -> None:
    assert gate_pictures.page_of(tmp_path) == tmp_path / "index.html"
    page = tmp_path.joinpath("validations", *gate_pictures.PHOTOGRAPHED, "run", "all.html")
    page.parent.mkdir(parents=True)
    page.touch()
    assert gate_pictures.page_of(tmp_path) == page


def test_without_a_browser_there_is_no_photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not gate_pictures.photograph(tmp_path / "index.html", tmp_path / "a.png")
