"""The worker process: `python3 -I -S _worker.py MODULE FILE RESULT_FD FUNCTION`, the job on stdin.

Only what a start of a few milliseconds allows is imported: no site, no package. Standard output
goes to standard error, because libraries print there; the result has a descriptor of its own.
"""

import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType


def load(name: str, path: str) -> ModuleType:
    """The extension module `name` from the file `path`."""
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=path)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def main() -> int:
    name, path, result_fd, function = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    os.dup2(2, 1)
    job = sys.stdin.buffer.read().decode()
    result = getattr(load(name, path), function)(job).encode()
    while result:
        result = result[os.write(result_fd, result):]
    return 0


if __name__ == "__main__":
    sys.exit(main())
