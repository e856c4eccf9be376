"""Framework plugins, one file each; they see the core through drum_like.api only."""
