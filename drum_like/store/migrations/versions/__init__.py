"""The migrations, named by their number; Alembic reads them as files."""
