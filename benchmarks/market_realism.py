"""Market realism: the stylised facts of the synthetic market beside those of real A-shares.

Every fact is measured on both by the same code. It is inside when the synthetic market, averaged over its seeds, lies
within a factor of 2 of the real one. Demanded: no fact outside. A picture of both is drawn into the folder of `--out`.

The real bars are those of `shared/data/ashare_2012_2018` beside the repository, in the span that their mapping
declares; the variable KINDLING_SHARED names another folder in the place of `shared`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from assets.sources import Source
from assets.sources.files import FilesSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.market_sample import Sample, sample
from benchmarks.outcome import Demand, end, not_possible, seeds_of
from benchmarks.realism_picture import side_by_side
from benchmarks.stylised_facts import Compared, compared, definition, stylised_facts
from expectations.tables import RawBars

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / ".kindling" / "reports"
FEWEST_FACTS = 16


def main() -> int:
    """Print every fact of both markets, draw the picture, and say how many facts are outside."""
    asked = _options()
    folder = real_bars()
    if not folder.exists():
        return not_possible(f"no real bars in {folder}; KINDLING_SHARED may name the folder that holds data/")
    real = whole(FilesSpec(folder=folder))
    drawn = [whole(spec) for spec in markets(asked.market, asked.seeds)]
    facts = compared(stylised_facts(real), [stylised_facts(one) for one in drawn])
    _tell(facts)
    asked.out.mkdir(parents=True, exist_ok=True)
    picture = asked.out / "market_realism.png"
    picture.write_bytes(side_by_side(real, drawn, facts))
    print(f"picture: {picture}")
    outside = [fact.name for fact in facts if not fact.inside]
    figures = {"facts": len(facts), "facts_outside": len(outside), "outside": outside, "seeds": asked.seeds}
    return end(figures, [Demand("facts", FEWEST_FACTS, at_least=True), Demand("facts_outside", 0, at_least=False)])


def real_bars() -> Path:
    """Folder of the real bars."""
    shared = os.environ.get("KINDLING_SHARED") or ROOT.parent / "shared"
    return Path(shared) / "data" / "ashare_2012_2018"


def markets(file: Path | None, seeds: Sequence[int]) -> list[SyntheticMarketSpec]:
    """The specification of each seed: the default one, or that of a YAML file."""
    settings = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
    return [SyntheticMarketSpec.model_validate({**settings, "seed": seed}) for seed in seeds]


def whole(source: Source) -> Sample:
    """The sample of a source's whole declared span."""
    return sample(source.read(RawBars, source.first_session(), source.last_session()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--market", type=Path, help="specification of the synthetic market, YAML; without it the default"
    )
    parser.add_argument("--seeds", default="0..4", type=seeds_of, help="as 0..4")
    parser.add_argument("--out", default=REPORTS, type=Path, help="folder of the picture")
    return parser.parse_args()


def _tell(facts: Sequence[Compared]) -> None:
    print(f"{'fact':26} {'real':>9} {'synthetic':>9} {'of seeds':>19} {'ratio':>6} {'':7} definition")
    for fact in facts:
        seeds = f"{fact.lowest:.4g} to {fact.highest:.4g}"
        verdict = "inside" if fact.inside else "OUTSIDE"
        figures = f"{fact.real:9.4g} {fact.synthetic:9.4g} {seeds:>19} {fact.ratio:6.2f}"
        print(f"{fact.name:26} {figures} {verdict:7} {definition(fact.name)}")


if __name__ == "__main__":
    sys.exit(main())
