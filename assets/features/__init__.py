"""Features: what is known of a security after a session; the graph of these tables is the registry of features."""
