"""A storage in the worker's memory, of which nothing outlives the worker."""
