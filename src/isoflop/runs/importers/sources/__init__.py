"""The sources: each file defines one importer as ``IMPORTER``."""
