from datetime import date, time, timedelta

import polars as pl
import pytest

from assets.sources.vendors.arrival import Arrival
from assets.sources.vendors.asking import Manners, PassingFault
from assets.sources.vendors.line import Inquiry, Line
from assets.sources.vendors.raw_cache import Call, RawCache

EVENING = Arrival(time(18))
PAST, PRESENT = (date(2026, 9, 1), date(2026, 9, 30)), (date(2026, 10, 1), date(2026, 10, 31))


class Vendor:
    """Answers every question with one row, or as told; remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.faults = {}
        self.empty = set()
        self.hung_up = 0

    def ask(self, endpoint, **arguments):
        subject = arguments["of"]
        self.asked.append(subject)
        if self.faults.get(subject):
            raise self.faults[subject].pop(0)
        rows = [] if subject in self.empty else [str(len(self.asked))]
        return pl.DataFrame({"value": pl.Series(rows, dtype=pl.String)})

    def hang_up(self):
        self.hung_up += 1


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
def line(tmp_path, clock, vendor):
    return Line("vendor", vendor, RawCache(tmp_path / "cache"), Manners(calls_per_minute=600, attempts=3), clock)


def about(subject, span=PAST, **more):
    return Inquiry(Call("bars", subject, span), {"of": subject}, ("value",), EVENING, EVENING.settled(span[1]), **more)


def test_a_past_month_is_asked_once_and_never_again(line, vendor, clock):
    assert line.rows([about("a"), about("b")], ["value"]).collect()["value"].to_list() == ["1", "2"]
    clock.present += timedelta(days=900)
    assert line.rows([about("a"), about("b")], ["value"]).collect()["value"].to_list() == ["1", "2"]
    assert vendor.asked == ["a", "b"]
    assert vendor.hung_up == 1


def test_a_row_can_say_what_it_is_an_answer_about(line):
    answers = line.rows([about("a"), about("b", PRESENT)], ["value"], subject="code").collect()
    assert answers.rows() == [("1", "a"), ("2", "b")]


def test_the_present_month_is_asked_again_only_after_the_next_delivery(line, vendor, clock):
    now = about("a", PRESENT)
    line.hold([now])
    clock.present += timedelta(hours=2)  # 23:00, between two looks
    line.hold([now])
    assert len(vendor.asked) == 1
    clock.present += timedelta(hours=1, minutes=1)  # the last look at Friday's delivery
    line.hold([now])
    clock.present += timedelta(days=2)  # Sunday
    line.hold([now])
    assert len(vendor.asked) == 2
    clock.present += timedelta(days=1)  # Monday after 18:00
    line.hold([now])
    assert len(vendor.asked) == 3


def test_a_month_asked_before_its_end_is_asked_once_more_after_it(line, vendor, clock):
    line.hold([about("a", PRESENT)])
    clock.present += timedelta(days=60)
    for _ in range(3):
        line.hold([about("a", PRESENT)])
        clock.present += timedelta(days=30)
    assert len(vendor.asked) == 2


def test_after_an_interruption_only_the_rest_is_asked(line, vendor):
    questions = [about(subject) for subject in "abcd"]
    vendor.faults["c"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        line.hold(questions)
    assert vendor.asked == ["a", "b", "c"]
    assert vendor.hung_up == 1
    assert line.rows(questions, ["value"]).collect().height == 4
    assert vendor.asked == ["a", "b", "c", "c", "d"]


def test_a_vendor_that_fails_twice_then_answers(line, vendor):
    vendor.faults["a"] = [PassingFault("busy"), PassingFault("busy")]
    assert line.rows([about("a")], ["value"]).collect()["value"].to_list() == ["3"]


def test_a_vendor_out_of_reach_ends_in_a_message_that_says_what_to_do(line, vendor, tmp_path):
    vendor.faults["b"] = [PassingFault("no route to host")] * 3
    with pytest.raises(ConnectionError) as caught:
        line.hold([about("a"), about("b")])
    said = str(caught.value)
    assert "vendor did not answer bars b 2026-09-01 to 2026-09-30, asked 3 times: no route to host" in said
    assert f"kept in {tmp_path / 'cache'}: check the network" in said
    assert "it goes on where it stopped" in said


def test_an_empty_answer_is_asked_again_and_then_an_error(line, vendor):
    vendor.empty.add("a")
    with pytest.raises(ConnectionError, match="the answer is empty, and rows must exist"):
        line.hold([about("a")])
    assert vendor.asked == ["a"] * 3
    assert line.cache.note(about("a").call) is None


def test_an_empty_answer_that_can_be_true_is_kept(line, vendor):
    vendor.empty.add("a")
    excused = about("a", may_be_empty=lambda: True)
    assert line.rows([excused, about("b")], ["value"]).collect()["value"].to_list() == ["2"]
    line.hold([excused])
    assert vendor.asked == ["a", "b"]


def test_an_answer_that_is_final_with_rows_is_not_asked_again_but_an_empty_one_is(line, vendor, clock):
    vendor.empty.add("later")
    both = [about(subject, PRESENT, may_be_empty=lambda: True, final=True) for subject in ("there", "later")]
    line.hold(both)
    clock.present += timedelta(days=3)
    line.hold(both)
    assert vendor.asked == ["there", "later", "later"]


def test_a_renamed_column_is_refused_by_name(line):
    renamed = Inquiry(Call("bars", "a"), {"of": "a"}, ("value", "volume"), EVENING, EVENING.settled(PAST[1]))
    with pytest.raises(ValueError, match=r"to bars a has no column \['volume'\]; it has \['value'\]"):
        line.hold([renamed])


def test_progress_is_told(line, vendor, capsys):
    line.manners = Manners(calls_per_minute=10)
    line.hold([about("kept")])
    line.hold([about(subject) for subject in ["kept", "a", "b", "c"]])
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "vendor: 1 of 3 questions answered, 1 were kept, about 0 min left"
    assert told[-1].startswith("vendor: 3 of 3 questions answered")


def test_another_process_that_asks_is_waited_for(line, vendor, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr("assets.sources.vendors.line.LOCK_SECONDS", 0.05)
    line.cache.folder.mkdir(parents=True)
    with (
        FileLock(line.cache.folder / ".asking.lock"),
        pytest.raises(ConnectionError, match="another process has been asking vendor"),
    ):
        line.hold([about("a")])
    assert vendor.asked == []
