"""wraptui: a console for TCP Wrappers and xinetd that agrees with the real daemons."""

__version__ = "0.1.0"
