"""Suites: Great Expectations over small evidence tables, each ending in a verdict."""

from expectations.suites.verdict import Verdict, evidence_hash, judge

__all__ = ["Verdict", "evidence_hash", "judge"]
