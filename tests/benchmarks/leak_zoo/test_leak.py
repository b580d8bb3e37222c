"""Leak: the catalogue is whole, its variants are drawn alike each time, and every change fits the source of today."""

from pathlib import Path

import pytest
import yaml

from benchmarks.leak_zoo.leak import VARIANTS, Edit, Leak, Place, Variant, catalogue, variants
from benchmarks.leak_zoo.planting import ROOT, PlantingError, changed

LEAKS = catalogue()


def test_all_leaks_are_in_the_catalogue() -> None:
    assert [leak.number for leak in LEAKS] == list(range(1, 40))


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: f"{leak.number} {leak.name}")
def test_every_place_fits_the_source_of_today(leak: Leak) -> None:
    for place in leak.places:
        settings = tuple((name, choices[0]) for name, choices in place.parameters.items())
        source = (ROOT / place.file).read_text(encoding="utf-8")
        planted = Variant(leak, place, settings)
        assert len({source, changed(source, planted), changed(source, planted.twin())}) == 3


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: f"{leak.number} {leak.name}")
def test_variants_differ_and_the_same_seed_draws_the_same(leak: Leak) -> None:
    drawn = variants(leak, 100)
    assert len({variant.name for variant in drawn}) == (VARIANTS if drawn else 0)
    assert drawn == variants(leak, 100)
    ready = [place for place in leak.places if place.waits_for is None]
    assert all(any(variant.place == place for variant in drawn) for place in ready)


def test_a_text_that_is_not_there_once_is_refused() -> None:
    place = Place(file="x.py", edits=(Edit(find="$name = 1", replace="$name = 2"),))
    leak = Leak(number=1, name="a leak", stage="features", check="leakage: x", places=(place,))
    variant = Variant(leak, place, (("name", "a"),))
    assert changed("a = 1\n", variant) == "a = 2\n"
    for source, times in (("b = 1\n", 0), ("a = 1\na = 1\n", 2)):
        with pytest.raises(PlantingError, match=rf"holds this text {times} times, it must hold it once"):
            changed(source, variant)


def test_too_few_choices_and_a_number_given_twice_are_refused(tmp_path: Path) -> None:
    place = Place(file="x.py", edits=(Edit(find="a", replace="b"),))
    with pytest.raises(ValueError, match=r"leak 1 has 1 different variants, 5 are asked for"):
        variants(Leak(number=1, name="a leak", stage="features", check="leakage: x", places=(place,)), 0)
    entry = {"number": 1, "name": "a leak", "stage": "features", "check": "leakage: x"}
    (tmp_path / "twice.yaml").write_text(yaml.safe_dump([entry, entry]))
    with pytest.raises(ValueError, match="give each its own number"):
        catalogue(tmp_path)
