"""Settings: declared, found on the command line and elsewhere, and read."""
