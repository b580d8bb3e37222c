"""Leak zoo: known leaks, each a small change of the real pipeline in a copy of it, to see what stops it."""
