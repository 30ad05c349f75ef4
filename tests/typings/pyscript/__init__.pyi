"""PyScript in MicroPython, as far as the page uses it."""
