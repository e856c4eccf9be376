"""How the tables of the store came to be: one Alembic migration after another, forward only."""

HEAD = "0003"
"""The newest migration; a store that says so is used without importing Alembic."""
