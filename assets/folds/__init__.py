"""Folds: which sessions a model is trained, stopped and judged on."""
