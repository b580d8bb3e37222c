"""Assets: what Kindling makes, one module one table, in the order in which data flows."""
