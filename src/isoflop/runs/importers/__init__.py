"""Importers: training runs as experiment trackers leave them, one file a source in `sources/`, found by discovery."""
