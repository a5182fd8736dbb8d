"""The console: the only package that knows Textual."""
