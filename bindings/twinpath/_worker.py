"""The worker process: `python3 -I -S _worker.py MODULE FILE RESULT_FD FUNCTION PARENT`, the job on
standard input.

Only what a start of a few milliseconds allows is imported: no site, no package. Standard output
goes to standard error, because libraries print there; the result has a descriptor of its own.
"""

import os
import sys


def main() -> int:
    name, path, result_fd, function = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    os.dup2(2, 1)
    job = sys.stdin.buffer.read().decode()
    sys.path.insert(0, os.path.dirname(path))
    run = getattr(__import__(name), function)
    if os.getppid() != int(sys.argv[5]):
        return 1  # the parent died meanwhile: nobody waits for this run
    result = run(job).encode()
    while result:
        result = result[os.write(result_fd, result):]
    return 0


if __name__ == "__main__":
    sys.exit(main())
