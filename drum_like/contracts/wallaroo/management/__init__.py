"""Models, pipelines and workspaces as Wallaroo's SDK manages them."""
