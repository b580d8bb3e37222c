"""Lexicon: words whose sign a reader of financial news knows, and how they are found in a text."""
