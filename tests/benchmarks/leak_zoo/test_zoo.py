"""Zoo: from end to end, one leak is stopped, its twin goes through, and a patch from outside is judged alike."""

from pathlib import Path

import pytest

from benchmarks.leak_zoo.leak import catalogue, variants
from benchmarks.leak_zoo.yard import Yard

MARKET = "kind: synthetic_market\nseed: 131\nsecurities: 24\nsessions: 300\nfirst: 2014-01-02\n"
PATCH = """--- a/assets/features/price_volume.py
+++ b/assets/features/price_volume.py
@@ -68,3 +68,4 @@
     columns = {**_returns(wide), **_activity(wide), **_range(wide)}
+    columns["gap_1d"][:, :-1] = columns["gap_1d"][:, 1:].copy()
     return PriceVolume.cast(gather(grid, columns, np.isfinite(wide["close"])).lazy())
 
"""


@pytest.mark.slow
def test_a_leak_is_caught_its_twin_passes_and_a_patch_from_outside_is_caught(tmp_path: Path) -> None:
    (tmp_path / "market.yaml").write_text(MARKET)
    (tmp_path / "leak.patch").write_text(PATCH)
    yard = Yard(tmp_path / "yard", tmp_path / "market.yaml", 1)
    yard.open(groups=())
    variant = next(one for one in variants(catalogue()[0], 100) if not one.place.needs)
    found = {one.is_twin: one_found for one, one_found in yard.try_variants([variant, variant.twin()], 1)}
    assert found[False].is_caught, found[False]
    assert found[False].stopped_by[0] == "leakage: future_perturbation"
    assert "features/price_volume" in found[False].first_line
    assert found[True].is_clean, found[True]
    outside = yard.try_patch(tmp_path / "leak.patch", "ridge", groups=(), whole=False)
    assert outside.is_caught, outside
    assert "column gap_1d" in outside.first_line
