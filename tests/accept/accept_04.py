"""The TCP/IP stack: complete, conformant, fast."""

from __future__ import annotations

import embedding
import wire

PROMISES = (
    *embedding.PROMISES,
    *wire.PROMISES,
import speed

PROMISES = (
    *embedding.PROMISES,
    *speed.PROMISES,
)
