"""The model store: models, versions and their details in SQL, their files beside it."""
