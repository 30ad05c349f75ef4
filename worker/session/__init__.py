"""Sessions over SQLite databases: statements, results, cancelling, import and export.

Pure standard library.  Where databases are kept and how messages travel is the business of the
Host that a Service is given; see ``host``.
"""

from .host import Host, Source
from .service import Service

__all__ = ["Host", "Service", "Source"]
