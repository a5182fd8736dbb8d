"""Knows hosts.allow and hosts.deny: who is let in, as libwrap decides."""
