"""Wire contracts, one file each; siblings never meet."""
