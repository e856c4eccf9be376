"""Arrow IPC, read and written."""
