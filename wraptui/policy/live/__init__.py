"""Knows what happens now: who is admitted, who is on the no_access list, how close the limits are."""
