"""A private server made of the real daemons, for `wraptui demo`, the tests and the screenshots."""
