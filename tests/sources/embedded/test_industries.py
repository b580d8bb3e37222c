import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assets.sources.embedded.industries import Industries

MANY, SESSIONS, SECURITIES = 3, 12, 7


@given(st.integers(0, 10_000))
def test_others_are_the_seen_securities_of_the_same_industry_without_oneself(seed):
    rng = np.random.default_rng(seed)
    before_S, after_S = rng.integers(0, MANY, (2, SECURITIES))
    industries = Industries(MANY, SESSIONS, before_S, after_S, rng.integers(0, SESSIONS + 1, SECURITIES))
    values_TS = rng.standard_normal((SESSIONS, SECURITIES)).astype(np.float32)
    seen_TS = rng.random(values_TS.shape) < 0.7
    found_TS = industries.others(values_TS, seen_TS)
    code_TS = industries.wide()
    for t in range(SESSIONS):
        for s in range(SECURITIES):
            others = [o for o in range(SECURITIES) if o != s and code_TS[t, o] == code_TS[t, s] and seen_TS[t, o]]
            expected = sum(values_TS[t, o] for o in others) / np.sqrt(max(len(others), 1))
            assert found_TS[t, s] == np.float32(0) if not others else abs(found_TS[t, s] - expected) < 1e-5
