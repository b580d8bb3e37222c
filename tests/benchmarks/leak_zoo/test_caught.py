"""What the zoo last found is kept whole, in the words of the catalogue and of the gate, and drawn."""

from benchmarks.leak_zoo.__main__ import Judged, record_of
from benchmarks.leak_zoo.caught import COLUMNS, picture, read_record
from benchmarks.leak_zoo.leak import catalogue, twins, variants
from benchmarks.leak_zoo.trial import Found


def test_the_record_tells_of_every_leak_of_the_catalogue() -> None:
    told = read_record().select("number", "leak", "stage").unique().sort("number").rows()
    assert told == sorted((leak.number, leak.name, leak.stage) for leak in catalogue())


def test_a_row_for_each_check_that_stopped_a_variant_and_one_for_a_leak_that_none_stopped() -> None:
    first, second = catalogue()[:2]
    drawn = variants(first, 0, 2)
    stopped = Found(stopped_by=("fit: twins", "data: counts"))
    passed = Found(leaderboard=True)
    caught = Judged(first, 3, [(drawn[0], stopped), (drawn[1], stopped), (twins(drawn)[0], passed)])
    escaped = Judged(second, 1, [(variants(second, 0, 1)[0], passed)])
    rows = record_of([caught, escaped])
    assert dict(rows.schema) == COLUMNS
    assert rows.select("number", "caught", "check").rows() == [
        (first.number, True, "data: counts"),
        (first.number, True, "fit: twins"),
        (second.number, False, None),
    ]
    assert picture(rows).startswith(b"\x89PNG")


def test_a_check_that_stopped_only_a_twin_is_not_told_to_have_stopped_the_leak() -> None:
    leak = catalogue()[0]
    drawn = variants(leak, 0, 1)
    alarmed = Found(stopped_by=("fit: twins",))
    rows = record_of([Judged(leak, 2, [(drawn[0], Found(leaderboard=True)), (twins(drawn)[0], alarmed)])])
    assert rows.select("caught", "check").rows() == [(False, None)]


def test_the_record_is_drawn() -> None:
    assert picture(read_record()).startswith(b"\x89PNG")
