"""Sessions over SQLite databases: statements, results, cancelling, import and export.

It needs only the standard library: where databases are kept and how messages reach the page is up
to the Host (``host``) that a Service is given.
"""

from .host import Host, Source
from .service import Service

__all__ = ["Host", "Service", "Source"]
