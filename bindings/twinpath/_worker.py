"""The worker process: `python3 -I -S _worker.py MODULE FILE RESULT_FD`, the job on standard input.

Only what a start of a few milliseconds allows is imported: no site, no package. Standard output
goes to standard error, because libraries print there; the result has a descriptor of its own.
"""

import importlib.machinery
import importlib.util
import os
import sys


def load(name: str, path: str):
    """The extension module `name` from the file `path`."""
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=path)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def main() -> int:
    name, path, result_fd = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.dup2(2, 1)
    job = sys.stdin.buffer.read().decode()
    result = load(name, path).run(job).encode()
    while result:
        result = result[os.write(result_fd, result):]
    return 0


if __name__ == "__main__":
    sys.exit(main())
