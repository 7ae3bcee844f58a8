"""The TCP/IP stack: complete, conformant, fast."""

from __future__ import annotations

import embedding
import speed
import wire

PROMISES = (
    *embedding.PROMISES,
    *speed.PROMISES,
    *wire.PROMISES,
)
