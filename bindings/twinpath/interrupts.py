"""Ctrl-C and SIGTERM in order: what has begun is ended and recorded, then it is told."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from typing import Any, Iterator

NOT_HEARD = -1


def is_pressed(fd: int) -> bool:
    """Whether Ctrl-C came, by the descriptor of caught(); of NOT_HEARD it never does."""
    if fd == NOT_HEARD:
        return False
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def as_interrupt() -> None:
    """A program of ours ends at SIGTERM as at Ctrl-C, unless somebody wants it otherwise."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextlib.contextmanager
def caught() -> Iterator[int]:
    """A descriptor that becomes readable at Ctrl-C, and at SIGTERM after as_interrupt();
    KeyboardInterrupt follows when the block has ended, a second Ctrl-C raises it at once. NOT_HEARD
    where no Ctrl-C is delivered (only the main thread hears it) or somebody else handles it."""
    main = threading.current_thread() is threading.main_thread()
    ours = [number for number in (signal.SIGINT, signal.SIGTERM)
            if main and signal.getsignal(number) is signal.default_int_handler]
    if not ours:
        yield NOT_HEARD
        return
    read, write = os.pipe()
    heard = threading.Event()

    def hear(*_: Any) -> None:
        if heard.is_set():
            raise KeyboardInterrupt
        heard.set()
        os.write(write, b".")

    for number in ours:
        signal.signal(number, hear)
    try:
        yield read
    except Exception as error:
        if heard.is_set():  # Ctrl-C reaches child processes too: what they failed of
            raise KeyboardInterrupt from error
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.default_int_handler)
        os.close(read)
        os.close(write)
    if heard.is_set():
        raise KeyboardInterrupt
