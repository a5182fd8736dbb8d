"""Knows how a change lands: proposed, applied, confirmed or taken back."""
