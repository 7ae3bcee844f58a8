"""What the metrics mean: layer and measuring point of those every scenario reports. Metrics not
listed here are described by the `help` their model stored."""

from __future__ import annotations

# name -> (layer, measuring point)
POINTS = {
    "goodput_bps": ("application", "verified bytes × 8 / (last − first byte)"),
    "fct_s": ("application", "connect() to the last byte"),
    "connect_s": ("application", "connect() to established"),
    "latency_ns": ("application", "request sent to the last byte of its answer"),
    "cwnd_bytes": ("TCP", "congestion window of the connection's end on this host"),
    "delivery_rate_bps": ("TCP", "bytes delivered in order × 8 / interval, at the receiver"),
    "srtt_s": ("TCP", "smoothed round-trip time at the end (RFC 6298)"),
    "retransmits": ("TCP", "segments sent again by this host"),
}
NOTES = (
    "goodput is bit/s of verified application bytes; 1 kB = 1000 bytes, 1 KiB = 1024 bytes.",
    "error = (sim − emu) / emu; the interval is that of the emulated median by order statistics, "
    "below six runs their whole range; n counts the runs behind a number.",
    "sim uses model time only. CPU time is not modelled (costs=zero): what a real core would "
    "add is part of the error.",
    "the fingerprint is a hash over every frame of every port; equal simulations have equal ones.",
)
CAUSES = {
    "asked": "the scenario's own faults: loss, corruption",
    "queue": "a modelled queue was full",
    "malformed": "refused by a parser",
    "resource": "no buffer or no room",
    "environment": "lost by a real port or the kernel",
}
