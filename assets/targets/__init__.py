"""Targets: what a decision would have earned; the only tables that look at later sessions."""
