"""Peers: scripts that run in an environment of their own, `make peers`, and know nothing of this project's packages."""
