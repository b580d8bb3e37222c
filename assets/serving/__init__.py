"""Serving: tomorrow's list, issued once, and scored again from what is known later."""
