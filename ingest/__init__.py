"""Papers in: everything up to and including the library on disk."""
