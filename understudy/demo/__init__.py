"""The demonstration: the main job, played with real files in a new folder."""
