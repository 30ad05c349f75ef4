"""What worker/packing.py makes."""

SITE: str
