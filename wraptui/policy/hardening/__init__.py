"""Knows the audits' checks, and the packet filter beside the tables."""
