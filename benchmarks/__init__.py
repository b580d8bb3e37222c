"""Benchmarks: one command for each figure that the README or an issue claims."""
