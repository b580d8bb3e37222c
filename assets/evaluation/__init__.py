"""Evaluation: what the forecasts were worth, each figure with its interval."""
