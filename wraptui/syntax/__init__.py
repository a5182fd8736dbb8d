"""Text to tree and back, for any bytes: pure, and knows nothing of what the text means."""
