"""Knows edits, what they change for whom, and what a reload does."""
