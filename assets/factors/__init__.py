"""Factors: figures of a security written as formulas over its bars, and the engine that computes many at once."""
