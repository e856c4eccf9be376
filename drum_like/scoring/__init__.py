"""The paths of a request through a model: rows, transforms, text, chat."""
