"""Planting: a copy of the project's source into which a leak is put, and out of which it is taken again."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from benchmarks.leak_zoo.leak import Variant

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("assets", "models", "expectations", "pipelines")
FILES = ("dagster.yaml", "pyproject.toml")
ALWAYS = ("price_window", "price_volume", "news_counts", "news_encoding")
"""Groups that stay in every copy: the experiment reads the first two, other modules of the project import the rest."""


class PlantingError(ValueError):
    """A change that does not fit the source as it is."""


@dataclass(frozen=True)
class Copy:
    """A copy of the source in a folder of its own; the folder keeps its path, so that compiled code stays of use."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Copy:
        """Copy the packages that a run needs, with the times of their files, and nothing of the benchmarks."""
        for name in PACKAGES:
            shutil.copytree(ROOT / name, folder / name)
        for name in FILES:
            shutil.copy2(ROOT / name, folder / name)
        # What is compiled once stays of use: later no process writes any, so that no change leaves a trace.
        compileall.compile_dir(folder, quiet=2)
        return cls(folder)

    @property
    def groups(self) -> tuple[str, ...]:
        """Feature groups that stand in the copy."""
        tables = sorted(path for path in (self.folder / "assets" / "features").glob("*.py"))
        return tuple(path.stem for path in tables if "\n@table(" in path.read_text(encoding="utf-8"))

    def restore(self) -> None:
        """Put every file back as it is in the project; what was added goes."""
        for name in PACKAGES:
            ours, theirs = self.folder / name, ROOT / name
            for path in ours.rglob("*"):
                if (
                    path.is_file()
                    and "__pycache__" not in path.parts
                    and not (theirs / path.relative_to(ours)).exists()
                ):
                    path.unlink()
            for path in theirs.rglob("*"):
                target = ours / path.relative_to(theirs)
                if path.is_file() and "__pycache__" not in path.parts and not _same(path, target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, target)

    def keep_only(self, needs: Collection[str]) -> None:
        """Take out the feature groups that the experiment does not read: a table is in the graph by standing there."""
        for name in self.groups:
            if name not in needs and name not in ALWAYS:
                (self.folder / "assets" / "features" / f"{name}.py").unlink()

    def plant(self, variant: Variant) -> None:
        """Make the changes of a variant, each an exact text that must occur once; raises PlantingError."""
        path = self.folder / variant.place.file
        path.write_text(changed(path.read_text(encoding="utf-8"), variant), encoding="utf-8")

    def apply(self, patch: Path) -> str:
        """Apply a unified diff against the repository; returns what was said, raises PlantingError where it fails."""
        said = ""
        # In a folder of some repository, git would pass over what lies outside that folder and say nothing.
        alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.folder.resolve().parent)}
        for command in (["git", "apply", "--verbose"], ["patch", "-p1", "--batch", "--forward", "-i"]):
            done = subprocess.run(
                [*command, str(patch.resolve())],
                cwd=self.folder, env=alone, capture_output=True, text=True, check=False,
            )  # fmt: skip
            said = (done.stdout + done.stderr).strip()
            if done.returncode == 0:
                return said
        raise PlantingError(f"{patch} does not apply to the source as it is: {said}")


def changed(source: str, variant: Variant) -> str:
    """A source text with the changes of a variant; raises PlantingError for a text that does not occur exactly once."""
    for find, replace in variant.edits:
        if (found := source.count(find)) != 1:
            raise PlantingError(
                f"leak {variant.name}: {variant.place.file} holds this text {found} times, it must hold it once; "
                f"adapt the leak to the source of today:\n{find}"
            )
        source = source.replace(find, replace)
    compile(source, variant.place.file, "exec")
    return source


def _same(one: Path, other: Path) -> bool:
    if not other.exists():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_mtime_ns, a.st_size) == (b.st_mtime_ns, b.st_size)
