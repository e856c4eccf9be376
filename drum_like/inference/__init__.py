"""One model that answers: its service, and the paths of a request through it."""
