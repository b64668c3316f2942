"""Attackers of the library that are run for minutes: see `make fuzz`."""
