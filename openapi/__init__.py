"""The OpenAPI documents of the contracts, one a file."""
