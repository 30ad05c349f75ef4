"""What the page shows, one part a file. None of them imports ``js``: dom.py does."""
