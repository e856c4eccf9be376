"""KServe's V1 protocol: models by their names, `instances` in, `predictions` out."""
