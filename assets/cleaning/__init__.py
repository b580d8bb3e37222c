"""Cleaning: from raw rows to bars that can be believed, with every refused row kept beside its reason."""
