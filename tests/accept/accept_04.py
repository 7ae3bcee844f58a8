"""The TCP/IP stack: complete, conformant, fast."""

from __future__ import annotations

import embedding
import ip
import speed
import wire

PROMISES = (
    *embedding.PROMISES,
    *ip.PROMISES,
    *speed.PROMISES,
    *wire.PROMISES,
)
