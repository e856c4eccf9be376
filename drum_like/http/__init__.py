"""The edge between Flask and the core: requests, errors, routes that contracts share."""
