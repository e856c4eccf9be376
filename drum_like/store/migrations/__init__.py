"""The migrations of the store's tables: one Alembic migration after another, forward only."""

HEAD = "0003"
"""The newest migration; a store that says so is used without importing Alembic."""
