"""Reading, comparing and showing results. Needs the SQLite file only, never the simulator."""

from .database import connect, create, read_only
from .merge import merge
from .queries import Results

__all__ = ["Results", "connect", "create", "merge", "read_only"]
