"""Whole databases, in and out: imports, exports, and whether one is sound."""
