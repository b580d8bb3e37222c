"""Leak zoo: known leaks, each a small change of the real pipeline, set loose in a copy of it to see which check stops it."""
