"""What the metrics mean: unit, layer, measuring point, clock and which way is better. A test holds
this table to the definitions in the C++ code. Metrics not listed here are described by the `help`
their model stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One entry. `clock`: model, wall, cpu, or none for counts. `better`: higher, lower, neither.
    `kind`: scalar, series or histogram."""

    unit: str
    layer: str
    point: str
    better: str
    clock: str = "none"
    kind: str = "scalar"


_APP, _TCP, _HOST, _CORE = "application", "TCP", "host", "core"
METRICS = {
    "app_bytes": Metric("byte", _APP, "bytes received and verified", "higher"),
    "app_sent_bytes": Metric("byte", _APP, "bytes handed to the socket, at the sender", "higher"),
    "busy_s": Metric("s", _CORE, "time inside turns", "lower", "wall"),
    "connect_s": Metric("s", _APP, "connect() to established; asking for the neighbour's address "
                        "first (ARP, ND) takes a round trip more", "lower", "model"),
    "core_busy_fraction": Metric("fraction", _CORE, "time a modelled core spent in turns, of the "
                                 "run", "lower", "model"),
    "cpu_s": Metric("s", _CORE, "CPU time of the core's thread", "lower", "cpu"),
    "cwnd_bytes": Metric("byte", _TCP, "congestion window of the connection's end on this host",
                         "neither", "model", "series"),
    "datagrams": Metric("", _APP, "datagrams sent, or received and verified", "higher"),
    "delivery_rate_bps": Metric("bit/s", _TCP, "bytes delivered in order × 8 / interval, at the "
                                "receiver", "higher", "model", "series"),
    "duplicates": Metric("", _APP, "datagrams that came again, or too late to tell", "lower"),
    "failures": Metric("", _APP, "connections or requests that ended in an error", "lower"),
    "fct_s": Metric("s", _APP, "connect() to the last byte", "lower", "model"),
    "fingerprint": Metric("", "wire", "chained hash over time, length and bytes of every frame of "
                          "every port", "neither"),
    "flows_left_out": Metric("", _HOST, "connections without a row in `flow`: above its limit of "
                             "rows", "lower"),
    "goodput_bps": Metric("bit/s", _APP, "verified bytes × 8 / (last − first byte)", "higher",
                          "model"),
    "host_drops": Metric("", _HOST, "frames and packets dropped, all reasons", "lower"),
    "latency_ns": Metric("ns", _APP, "request sent to the last byte of its answer", "lower",
                         "model", "histogram"),
    "latency_p50_s": Metric("s", _APP, "median of latency_ns", "lower", "model"),
    "latency_p99_s": Metric("s", _APP, "99th percentile of latency_ns", "lower", "model"),
    "longest_frame_bytes": Metric("byte", _HOST, "longest frame above the MTU that a peer "
                                  "sent", "neither"),
    "lost_fraction": Metric("fraction", _APP, "datagrams that never came, of those sent", "lower"),
    "marked_frames": Metric("", "link", "frames a link with ecn_threshold marked congested",
                            "neither"),
    "requests": Metric("", _APP, "requests completed", "higher"),
    "requests_per_s": Metric("1/s", _APP, "requests completed per second, first start to last "
                             "completion", "higher", "model"),
    "retransmits": Metric("", _TCP, "segments sent again by this end of its flows; an end that "
                          "sent no data, or fetches from a stack that does not count, has no "
                          "figure", "lower"),
    "rto_count": Metric("", _TCP, "expiries of the retransmission timer", "lower"),
    "rx_bytes": Metric("byte", _HOST, "bytes of the frames received", "neither"),
    "rx_frames": Metric("", _HOST, "frames received", "neither"),
    "sleeps": Metric("", _CORE, "times the idle core slept", "neither"),
    "srtt_s": Metric("s", _TCP, "smoothed round-trip time at the end (RFC 6298)", "lower",
                     "model"),
    "tcp_srtt_s": Metric("s", _TCP, "smoothed round-trip time (RFC 6298)", "lower", "model",
                         "series"),
    "throughput_bps": Metric("bit/s", _APP, "bytes acknowledged or sent × 8 / time from connect() "
                             "to the last of them, at the sender", "higher", "model"),
    "timer_lag_ns": Metric("ns", _CORE, "from a deadline to the turn that served it", "lower",
                           "wall", "histogram"),
    "turns": Metric("", _CORE, "turns the core ran", "neither"),
    "tx_bytes": Metric("byte", _HOST, "bytes of the frames sent", "neither"),
    "tx_frames": Metric("", _HOST, "frames sent", "neither"),
    "verify_errors": Metric("", _APP, "transfers whose content was wrong", "lower"),
}
# name -> (layer, measuring point)
POINTS = {name: (metric.layer, metric.point) for name, metric in METRICS.items()}
CLOCKS = {
    "model": "model time: virtual in sim, the real clock in emu",
    "wall": "the machine's clock",
    "cpu": "CPU time of a thread",
    "none": "a count, no clock",
}
SEVERAL_ENTITIES = ("Several entities of one metric: counts, bytes and rates are summed, of times "
                    "and fractions it is the median.")
NOTES = (
    f"A number of a whole run is over every entity that has the metric. {SEVERAL_ENTITIES} "
    "Goodputs of three clients add up, their completion times do not.",
    "goodput is bit/s of verified application bytes; 1 kB = 1000 bytes, 1 KiB = 1024 bytes.",
    "sim and emu of a case are medians over its runs; the table of `sweep` has means.",
    "error = (sim − emu) / emu; the interval is that of the emulated median by order statistics, "
    "with its coverage: below six runs their whole range, which holds the median with less than "
    "95 %, so that no bound is judged by it; n counts the runs behind a number.",
    "sim uses model time only. With costs=zero CPU time is free, and what a real core would add is "
    "part of the error; sim with costs is the calibrated prediction, in which turns cost what the "
    "profile says.",
    "the fingerprint is a hash over every frame of every port; equal simulations have equal ones.",
)
CAUSES = {
    "asked": "the scenario's own faults: loss, corruption",
    "queue": "a modelled queue was full",
    "malformed": "refused by a parser",
    "resource": "no buffer or no room",
    "environment": "lost by a real port or the kernel",
}
