"""The model store: models, versions and what belongs to them in SQL, their files beside it."""
