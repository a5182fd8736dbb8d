"""The machine: files, sockets, processes, logs and daemons; knows nothing of what they mean."""
