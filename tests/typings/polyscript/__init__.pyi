"""What PyScript gives the page's MicroPython, as far as it is used."""
