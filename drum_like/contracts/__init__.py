"""Wire contracts, a file or a folder each; siblings never meet."""
