"""Chain file: it only grows, is whole after a crash, and says so where it was cut or edited."""

import json
import multiprocessing
from pathlib import Path

import pytest

from assets.hash_chain import BrokenChainError, written
from pipelines.chain_file import ChainFile


def grown(folder: Path, count: int = 3) -> ChainFile:
    file = ChainFile(folder / "ledger" / "trials.jsonl")
    for number in range(count):
        file.grow(lambda chain, number=number: {"number": number, "before": len(chain)})
    return file


def records(file: ChainFile) -> list[dict[str, object]]:
    return [link.record for link in file.read()]


def test_what_was_added_is_read_back_in_its_order_and_nothing_is_added_for_none(tmp_path):
    file = grown(tmp_path)
    assert records(file) == [{"number": n, "before": n} for n in range(3)]
    before = file.path.read_bytes()
    assert len(file.grow(lambda chain: None)) == 3
    assert file.path.read_bytes() == before
    assert file.read() == file.grow(lambda chain: None)


def test_one_that_is_not_there_yet_is_empty(tmp_path):
    assert ChainFile(tmp_path / "none.jsonl").read() == []


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (lambda ls: ls[1:], "link 1 of 2 does not follow"),
        (lambda ls: [ls[0], ls[2]], "link 2 of 2 does not follow"),
        (lambda ls: ls[:2], "links 3 to 3 were cut off"),
        (lambda ls: [], "links 1 to 3 were cut off"),
        (lambda ls: [*ls[:2], ls[2].replace("number", "nimber")], "link 3 of 3 was changed"),
        (lambda ls: [*ls[:2], ls[2][:20]], "line 3 is no link"),
    ],
)
def test_a_cut_or_edited_chain_is_refused_for_reading_and_growing_with_what_to_do(tmp_path, lines, fault):
    file = grown(tmp_path)
    changed = lines(file.path.read_text().splitlines(keepends=True))
    file.path.write_text("".join(changed))
    for touch in (file.read, lambda: file.grow(lambda chain: {"new": 1})):
        with pytest.raises(BrokenChainError, match=f"trials.jsonl is cut or was edited: {fault}.*put both files back"):
            touch()
    assert file.path.read_text() == "".join(changed)


def test_a_chain_whose_file_is_gone_is_refused_by_its_head_and_one_without_its_head_too(tmp_path):
    file = grown(tmp_path)
    kept = file.path.read_bytes()
    file.path.unlink()
    with pytest.raises(BrokenChainError, match="links 1 to 3 were cut off"):
        file.read()
    file.path.write_bytes(kept)
    file.head_path.unlink()
    with pytest.raises(BrokenChainError, match=r"trials.head is not there"):
        file.read()
    file.head_path.write_text("{")
    with pytest.raises(BrokenChainError, match=r"trials.head cannot be read"):
        file.read()


def test_a_process_that_dies_between_chain_and_head_leaves_a_chain_that_goes_on(tmp_path):
    file = grown(tmp_path, 2)
    behind = file.head_path.read_bytes()
    chain = file.grow(lambda chain: {"number": 2})
    file.head_path.write_bytes(behind)
    assert file.read() == chain
    file.grow(lambda chain: {"number": 3})
    assert json.loads(file.head_path.read_text())["links"] == 4
    assert written(file.read()) == file.path.read_text()


def test_a_process_that_dies_while_it_writes_leaves_the_chain_of_before(tmp_path, monkeypatch):
    file = grown(tmp_path, 2)
    before = file.read()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        file.grow(lambda chain: {"number": 2})
    monkeypatch.undo()
    assert file.read() == before


def _grow(path: Path, name: str) -> None:
    for number in range(10):
        ChainFile(path).grow(lambda chain, number=number: {"by": name, "number": number})


def test_processes_that_write_at_once_lose_nothing_of_each_other(tmp_path):
    path = tmp_path / "trials.jsonl"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_grow, args=(path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    found = records(ChainFile(path))
    assert len(found) == 30
    for name in "abc":
        assert [record["number"] for record in found if record["by"] == name] == list(range(10))
