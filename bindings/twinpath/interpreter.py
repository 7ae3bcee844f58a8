"""Which Python this package runs under. Imported before anything newer Pythons alone can read."""

import os
import sys

PYTHON = "/usr/bin/python3"
VERSION = (3, 11)


def require_right_interpreter() -> None:
    """ImportError that names both interpreters when this is not Debian's, or a venv of it."""
    own = getattr(sys, "_base_executable", None) or sys.executable
    same = not own or os.path.realpath(own) == os.path.realpath(PYTHON)
    if same and sys.version_info[:2] == VERSION:
        return
    raise ImportError("twinpath is built for {} ({}.{}); this is {} ({}.{}.{}); use `./twinpath "
                      "python`".format(PYTHON, *VERSION, own, *sys.version_info[:3]))
