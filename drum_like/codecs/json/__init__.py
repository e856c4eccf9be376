"""JSON: rows whose cells have types, and the JSON of predictions."""
