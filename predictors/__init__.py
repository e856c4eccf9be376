"""Framework plugins, a folder each; they see the core through drum_like.api only."""
