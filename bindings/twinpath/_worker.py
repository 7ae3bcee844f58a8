"""The worker process: `python3 -I -S _worker.py MODULE FILE RESULT_FD FUNCTION PARENT`, the job on
standard input.

Only what a start of a few milliseconds allows is imported: no site, no package, not even `os`, and
functions of shared libraries are bound when they are first called. Standard output goes to standard
error, because libraries print there; the result has a descriptor of its own.
"""

import posix
import sys

PIECE_BYTES = 1 << 20


def read_job() -> str:
    job = bytearray()
    while piece := posix.read(0, PIECE_BYTES):
        job += piece
    return job.decode()


def main() -> int:
    name, path, result_fd, function, parent = sys.argv[1:6]
    posix.dup2(2, 1)
    job = read_job()
    sys.path.insert(0, path.rpartition("/")[0])
    sys.setdlopenflags(posix.RTLD_LAZY)
    run = getattr(__import__(name), function)
    if posix.getppid() != int(parent):
        return 1  # the parent died meanwhile: nobody waits for this run
    result = run(job).encode()
    while result:
        result = result[posix.write(int(result_fd), result):]
    return 0


if __name__ == "__main__":
    sys.exit(main())
