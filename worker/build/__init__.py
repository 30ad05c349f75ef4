"""Builds the documentation's site and the packages, on the developer's machine; not shipped."""
