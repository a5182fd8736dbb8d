"""A private server made of the real daemons: what `wraptui demo`, the tests and the screenshots work on."""
