"""Knows the open files and the edits that wait: undo, redo, what differs, and rebasing onto other writers' versions."""
