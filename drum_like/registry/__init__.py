"""Many models: found by name, stored, tried before they are served."""
