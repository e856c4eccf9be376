"""The scorer of H2O MLOps: schema, scores, contributions, intervals and media of one model."""
