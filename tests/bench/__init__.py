"""The bench: sahpool beside its peers, in one session of a browser."""
