"""Planting: a copy takes a change, gives it back, and no run can reach the zoo."""

import ast
from pathlib import Path

import pytest

from benchmarks.leak_zoo.leak import catalogue, variants
from benchmarks.leak_zoo.planting import PACKAGES, ROOT, Copy, PlantingError

FIELD = "assets/targets/forward_returns.py"
PATCH = """--- a/assets/targets/forward_returns.py
+++ b/assets/targets/forward_returns.py
@@ -{line},1 +{line},1 @@
-{before}
+{after}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy.make(tmp_path_factory.mktemp("copy") / "source")


def patch_of(before: str, after: str) -> str:
    lines = (ROOT / FIELD).read_text().splitlines()
    return PATCH.format(line=lines.index(before) + 1 if before in lines else 1, before=before, after=after)


def test_a_copy_is_given_back_as_it_was(copy: Copy) -> None:
    variant = variants(catalogue()[0], 100)[0]
    copy.keep_only(variant.place.needs)
    copy.plant(variant)
    (copy.folder / "assets" / "features" / "added.py").write_text("NEW = 1\n")
    assert (copy.folder / variant.place.file).read_text() != (ROOT / variant.place.file).read_text()
    copy.restore()
    for name in PACKAGES:
        ours, theirs = (
            {path.relative_to(root): path.read_bytes() for path in (root / name).rglob("*.py")}
            for root in (copy.folder, ROOT)
        )
        assert ours == theirs


def test_only_what_is_needed_stays(copy: Copy) -> None:
    copy.keep_only(["financials"])
    assert set(copy.groups) >= {"financials", "price_window", "price_volume"}
    assert "alpha158" not in copy.groups
    copy.restore()
    assert "alpha158" in copy.groups


def test_a_patch_from_outside_is_applied_or_refused_in_words(copy: Copy, tmp_path: Path) -> None:
    patch = tmp_path / "leak.patch"
    patch.write_text(patch_of("DELISTED_AFTER = 60", "DELISTED_AFTER = 61"))
    copy.apply(patch)
    assert "DELISTED_AFTER = 61" in (copy.folder / FIELD).read_text()
    copy.restore()
    patch.write_text(patch_of("NO_SUCH_LINE = 60", "DELISTED_AFTER = 61"))
    with pytest.raises(PlantingError, match=r"leak\.patch does not apply to the source as it is"):
        copy.apply(patch)
    copy.restore()


def test_nothing_outside_the_benchmarks_reaches_the_zoo() -> None:
    assert not (set(PACKAGES) & {"benchmarks"})
    for name in PACKAGES:
        for path in (ROOT / name).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not [found for found in names if found.split(".")[0] == "benchmarks"], path
