"""The TCP/IP stack: complete, conformant, fast."""

from __future__ import annotations

import congestion
import embedding
import ip
import speed
import wire

PROMISES = (
    *congestion.PROMISES,
    *embedding.PROMISES,
    *ip.PROMISES,
    *speed.PROMISES,
    *wire.PROMISES,
)
