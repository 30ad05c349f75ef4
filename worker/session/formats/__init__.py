"""Formats of files: those that are read into databases, and those that results are written in.

``registry`` lists them; ``interfaces`` says what one consists of.
"""
