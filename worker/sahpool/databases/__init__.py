"""Imports and exports of whole databases, and the check whether one is sound."""
