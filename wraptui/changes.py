"""Knows how a change lands: propose, apply with a checkpoint, reload, verify, confirm or roll back."""
