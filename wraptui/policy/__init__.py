"""What the files mean: pure functions over frozen values; no clock, no files, no sockets of their own."""
