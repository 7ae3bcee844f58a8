"""The TCP/IP stack: complete, conformant, fast."""

from __future__ import annotations

import accept_02
import congestion
import embedding
import ip
import speed
import stacks
import wire
import written

PROMISES = (
    *congestion.PROMISES,
    *embedding.PROMISES,
    *ip.PROMISES,
    *speed.PROMISES,
    *stacks.PROMISES,
    *wire.PROMISES,
    *written.PROMISES,
    *(promise for promise in accept_02.PROMISES if promise.id == "tidy"),
)
