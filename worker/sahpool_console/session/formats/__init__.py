"""File formats: those that can be imported, and those that results can be exported in.

``registry`` lists them; ``interfaces`` says what a format consists of.
"""
