"""Drills: the whole system as real processes, under load, with something broken; and proof that its promises held."""
