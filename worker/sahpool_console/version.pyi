"""What worker/build/packing.py makes."""

SITE: str
