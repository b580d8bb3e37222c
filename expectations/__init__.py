"""Expectations: what must be true of the tables, stated as schemas, evidence and verdicts."""
