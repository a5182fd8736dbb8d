"""Knows what is wrong with the files, what it costs and how to mend it."""
