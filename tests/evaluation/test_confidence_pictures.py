"""Pictures of confidence: PNGs, the same for the same input, others for another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assets.evaluation.confidence import by_decile, risk_by_share
from assets.evaluation.confidence_pictures import reliability_diagram, risk_coverage, stated_beside_error
from assets.evaluation.probability import reliability

CASES = 2_000
DAYS = np.repeat(np.arange(CASES // 50), 50)


def drawn(seed: int) -> dict[str, bytes]:
    rng = np.random.default_rng(seed)
    stated, doubt = rng.uniform(0.3, 0.7, CASES), rng.uniform(0.01, 0.2, CASES)
    rises = rng.random(CASES) < stated
    loss = (stated - rises) ** 2
    return {
        "reliability_diagram": reliability_diagram(reliability(stated, rises)),
        "stated_beside_error": stated_beside_error(by_decile(doubt, doubt * rng.standard_normal(CASES)), "noise"),
        "risk_coverage": risk_coverage(
            {"doubt": risk_by_share(loss, doubt, DAYS), "none": risk_by_share(loss, -doubt, DAYS)}
        ),
    }


@pytest.mark.parametrize("name", sorted(drawn(0)))
def test_a_picture_is_a_png_the_same_for_the_same_cases_and_another_for_others(name: str) -> None:
    assert drawn(0)[name].startswith(b"\x89PNG")
    assert drawn(0)[name] == drawn(0)[name] != drawn(1)[name]


@pytest.mark.parametrize("few", [1, 12])
def test_few_cases_are_drawn_too(few: int) -> None:
    draw: Callable[..., bytes] = reliability_diagram
    stated = np.linspace(0.4, 0.6, few)
    assert draw(reliability(stated, stated > 0.5)).startswith(b"\x89PNG")
    assert risk_coverage({"doubt": risk_by_share(stated, stated, DAYS[:few])}).startswith(b"\x89PNG")
