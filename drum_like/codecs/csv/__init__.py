"""CSV, read as pandas reads it and written as DRUM writes it."""
