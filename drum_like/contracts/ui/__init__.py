"""The server shown to people: API documents, an API page, and the page of the model."""
