"""Embedded: the law of the synthetic market, one part of it a module; `synthetic_market` is its door."""
