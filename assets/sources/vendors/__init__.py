"""Vendors: how their answers are asked for, kept and put into our words; each vendor has its own source above."""
