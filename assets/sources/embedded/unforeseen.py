"""Unforeseen returns: drawn noise put together with what it loads on, of sessions and of holdings."""
# P sessions or parts of one, T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.sources.embedded.industries import Industries
from assets.sources.embedded.noise import PARTS, VARIANCE_SHARES, Draws, NoiseLaw
from assets.sources.embedded.streams import Places, Singles


@dataclass(frozen=True)
class Noise:
    """Drawn noise with what it loads on: put together for the sessions that are asked for."""

    draws: Draws
    law: NoiseLaw
    industries: Industries
    largeness_S: Singles

    def parts(self, rows: Places | slice, variance_TS: Singles | None) -> list[Singles]:
        """Log returns of the parts of some sessions, [T, S] each, without any drift but the market's.

        variance_TS  factor on the own variance of those sessions that is known before them; None for 1
        """
        known_TS = np.ones((1, 1), np.float32) if variance_TS is None else variance_TS
        half_TS = 0.5 * known_TS * self.draws.own_scale_TS[rows] ** 2
        factor_TS = np.sqrt(known_TS)
        found = []
        for name, share in zip(PARTS, VARIANCE_SHARES, strict=True):
            part_TS = self.shared(rows, name)
            part_TS += factor_TS * self.draws.own(rows, name)
            part_TS -= share * half_TS
            found.append(part_TS)
        return found

    def shared(self, rows: Places | slice, name: str) -> Singles:
        """Log return that is not the security's own of one part of some sessions, with jumps and drift, [T, S]."""
        p, draws, law = PARTS.index(name), self.draws, self.law
        share, volatility_T1 = VARIANCE_SHARES[p], draws.volatility_T[rows, None]
        market_S, size_S = law.market_scale * draws.beta_S, law.size_scale * self.largeness_S
        found_TS = self.industries.spread(law.industry_scale * draws.industry_TKP[rows, :, p], rows)
        found_TS += draws.market_TP[rows, p, None] * market_S
        found_TS += draws.size_TP[rows, p, None] * size_S
        found_TS *= np.sqrt(share) * volatility_T1
        market_T1 = law.market_tail.variances(draws.is_wild_T[rows])[:, None]
        half_TS = 0.5 * (market_T1 * market_S**2 + size_S**2 + law.industry_scale**2)
        found_TS -= share * volatility_T1**2 * half_TS
        found_TS += share * np.float32(law.market_drift)
        if name == "open":
            found_TS += draws.jump_TS[rows]
        if name == "early":
            found_TS += draws.apart_TS[rows]
        return found_TS

    def held(self, places_P: Places, horizon: int) -> Held:
        """Noise between the VWAPs of sessions t+1 and t+1+h, for some t."""
        shape = len(places_P), len(self.largeness_S)
        shared_PS, own_PS, variance_PS = (np.zeros(shape, np.float32) for _ in range(3))
        for k in range(1, horizon + 2):
            names = ("late",) if k == 1 else ("open", "early") if k == horizon + 1 else PARTS
            rows = places_P + k
            for name in names:
                shared_PS += self.shared(rows, name)
                variance_PS += VARIANCE_SHARES[PARTS.index(name)] * self.draws.own_scale_TS[rows] ** 2
            own_PS += self.draws.own(rows, *names)
        return Held(shared_PS, own_PS, variance_PS)


@dataclass(frozen=True)
class Held:
    """Noise of a holding, [P, S] each: what is shared, what is the security's own, and the variance of the latter."""

    shared_PS: Singles
    own_PS: Singles
    variance_PS: Singles

    def log_return(self, factor_PS: Singles) -> Singles:
        """Log return, given a factor on the own variance."""
        return self.shared_PS + np.sqrt(factor_PS) * self.own_PS - 0.5 * factor_PS * self.variance_PS
