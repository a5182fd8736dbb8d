"""Knows xinetd's configuration: which services run, with which attributes."""
