"""Traffic applications. Each is a description that stands in the Plan; the worker runs it.

A client names the host it talks to; the server it needs is added there when the scenario has not
run one itself. The tables of arguments stand in bindings/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, Problem
from .quantities import Bytes, PacketRate, Rate, Time
from .recorded import Trace, as_text, gaps_of, payloads, read_capture, scaled

if TYPE_CHECKING:
    from .net import Host


@dataclass(frozen=True)
class AppSpec:
    """What to run: `kind` and `args` as in the Plan, the host it talks to, the server it needs."""

    kind: str
    args: dict[str, Any] = field(default_factory=dict)
    to: "Host | None" = None
    needs: str | None = None
    via: "Host | None" = field(default=None, kw_only=True)  # whose proxy it asks


class _Args:
    """Converts arguments and keeps every problem of one app."""

    def __init__(self, kind: str) -> None:
        self.kind, self.problems, self.args = kind, [], {}

    def _convert(self, type_: type, name: str, value: Any) -> Any:
        try:
            return type_(value, f"{self.kind}.{name}")
        except ConfigError as error:
            self.problems.extend(error.problems)
            return type_(0)

    def size(self, name: str, value: Any) -> "_Args":
        self.args[f"{name}_bytes"] = round(self._convert(Bytes, name, value))
        return self

    def time(self, name: str, value: Any) -> "_Args":
        self.args[f"{name}_ns"] = self._convert(Time, name, value).ns
        return self

    def rate(self, name: str, value: Any) -> "_Args":
        self.args[f"{name}_bps"] = round(self._convert(Rate, name, value))
        return self

    def per_second(self, name: str, value: Any) -> "_Args":
        self.args[f"{name}_per_s"] = float(self._convert(PacketRate, name, value))
        return self

    def whole(self, name: str, value: Any, lo: int, hi: int) -> "_Args":
        if isinstance(value, bool) or not isinstance(value, int) or not lo <= value <= hi:
            self.problems.append(
                Problem(f"{self.kind}.{name}", str(value), f"{value!r} is not a whole number",
                        f"{lo}..{hi}"))
        self.args[name] = value
        return self

    def word(self, name: str, value: Any, *choices: str) -> "_Args":
        if value not in choices:
            self.problems.append(
                Problem(f"{self.kind}.{name}", str(value), f"{value!r} is not a choice",
                        " ".join(choices)))
        self.args[name] = value
        return self

    def sizes(self, name: str, value: Any, lo: int, hi: int) -> "_Args":
        """A size, or a Trace of sizes."""
        if not isinstance(value, Trace):
            return self.size(name, value)
        try:
            sizes = value.sizes()
        except ConfigError as error:
            self.problems.extend(error.problems)
            return self
        wrong = [size for size in sizes if not lo <= size <= hi]
        if wrong or not sizes:
            self.problems.append(Problem(f"{self.kind}.size", str(wrong[0] if wrong else ""),
                                         "the trace has sizes out of range" if wrong
                                         else "the trace has no sizes", f"{lo}..{hi} bytes"))
        self.args[f"{name}_bytes"] = round(sum(sizes) / max(1, len(sizes)))
        self.args["sizes"] = as_text(sizes)
        return self

    def arrivals(self, value: Any, usual: str, rate: float, per_item: float = 1) -> float:
        """When things are sent: a word, `usual` being the worker's own, or a Trace. Returns the
        rate, in items x `per_item`: the given one, else the trace's (`rate` 0: none given). With
        both, the trace's times are scaled."""
        if not isinstance(value, Trace):
            self.word("arrivals", value, "cbr", "poisson")
            if value == usual:
                del self.args["arrivals"]
            return rate
        self.args["arrivals"] = "trace"
        try:
            gaps = value.times()
        except ConfigError as error:
            self.problems.extend(error.problems)
            return rate
        own = len(gaps) * 1e9 / sum(gaps) * per_item
        if rate > 0:
            gaps = scaled(gaps, rate / own)
        self.args["gaps"] = as_text(gaps)
        return rate or own

    def port(self, value: Any) -> "_Args":
        return self.whole("port", value, 1, 65535)

    def spec(self, to: "Host | None" = None, needs: str | None = None) -> AppSpec:
        if self.problems:
            raise ConfigError(self.problems)
        return AppSpec(self.kind, self.args, to, needs)


def HttpServer(*, port: int = 80) -> AppSpec:
    """HTTP/1.1 server; `GET /bytes/SIZE` answers SIZE deterministic bytes."""
    return _Args("http_server").port(port).spec()


def HttpGet(server: "Host", *, size: Bytes | str = "1MB", verify: str = "sha256",
            port: int = 80, via: "Host | None" = None, via_port: int = 8080) -> AppSpec:
    """Fetches `size` bytes from `server` once and checks the content by `verify` (sha256, none).
    `via`: a host whose HttpProxy at `via_port` is asked instead; it has links to both."""
    args = _Args("http_get").size("size", size).word("verify", verify, "sha256", "none").port(port)
    if via is None:
        return args.spec(server, "http_server")
    args.whole("via_port", via_port, 1, 65535)
    return replace(args.spec(server, "http_server"), via=via)


def Bulk(to: "Host | None" = None, size: Bytes | str | int = 0, *, duration: Time | str | int = 0,
         port: int = 5001) -> AppSpec:
    """Sends `size` bytes over one TCP connection, or for `duration`; 0 and 0: until the stop."""
    args = _Args("bulk").size("size", size).time("duration", duration)
    if to is None:
        args.problems.append(Problem("bulk.to", "", "must be given: the host that receives; its "
                                     "BulkSink is added there", "a host of this network"))
    return args.port(port).spec(to, "bulk_sink")


def BulkSink(*, port: int = 5001) -> AppSpec:
    """Accepts and discards TCP data."""
    return _Args("bulk_sink").port(port).spec()


def RequestResponse(to: "Host", size: Bytes | str = "1kB", think: Time | str | int = 0,
                    connections: int = 1, *, requests: int = 0, request: Bytes | str = "64B",
                    port: int = 7) -> AppSpec:
    """Closed loop: each of `connections` sends a request of `request` bytes, waits for `size`
    bytes and thinks for `think` seconds; `requests` in all (0: until the run stops)."""
    args = _Args("request_response").size("response", size).size("request", request)
    args.time("think", think).whole("connections", connections, 1, 10_000)
    return args.whole("requests", requests, 0, 2**31).port(port).spec(to, "echo_server")


def OpenLoop(to: "Host", rate: PacketRate | str | None = None, *,
             size: Bytes | str | Trace = "1kB", connections: int = 1, requests: int = 0,
             request: Bytes | str = "64B", port: int = 7,
             arrivals: str | Trace = "poisson") -> AppSpec:
    """Open loop: requests come at `rate` per second whatever the answers do. `arrivals`: "poisson",
    "cbr" (evenly), or a Trace of times, which a `rate` scales. `size`: of answers, or a Trace."""
    args = _Args("open_loop").sizes("response", size, 1, 4 * 10**9).size("request", request)
    given = 0.0 if rate is None else float(args._convert(PacketRate, "rate", rate))
    args.args["rate_per_s"] = args.arrivals(arrivals, "poisson", given)
    if rate is None and not isinstance(arrivals, Trace):
        args.problems.append(Problem("open_loop.rate", "", "must be given", "1kpps"))
    args.whole("connections", connections, 1, 10_000)
    return args.whole("requests", requests, 0, 2**31).port(port).spec(to, "echo_server")


def EchoServer(*, port: int = 7) -> AppSpec:
    """Answers RequestResponse over TCP."""
    return _Args("echo_server").port(port).spec()


def UdpEcho(to: "Host", *, size: Bytes | str = "64B", count: int = 10,
            interval: Time | str = "1ms", port: int = 7) -> AppSpec:
    """Sends `count` datagrams of `size` bytes every `interval` seconds and times the answers."""
    args = _Args("udp_echo").size("size", size).whole("count", count, 1, 100_000_000)
    return args.time("interval", interval).port(port).spec(to, "udp_echo_server")


def UdpEchoServer(*, port: int = 7) -> AppSpec:
    """Sends every datagram back."""
    return _Args("udp_echo_server").port(port).spec()


def UdpBulk(to: "Host", rate: Rate | str | None = None, *, size: Bytes | str | Trace = "1400B",
            duration: Time | str | int = 0, port: int = 5001,
            arrivals: str | Trace = "cbr") -> AppSpec:
    """Datagrams of `size` bytes, or of a Trace's sizes, at `rate` bit/s of payload for `duration`
    (0: until the stop). `arrivals`: "cbr" (evenly), "poisson", or a Trace of times, which a `rate`
    scales."""
    args = _Args("udp_bulk").sizes("size", size, 8, 65507).time("duration", duration)
    given = 0.0 if rate is None else float(args._convert(Rate, "rate", rate))
    bits = 8 * args.args.get("size_bytes", 0) or 1
    args.args["rate_bps"] = round(args.arrivals(arrivals, "cbr", given, bits))
    if rate is None and not isinstance(arrivals, Trace):
        args.problems.append(Problem("udp_bulk.rate", "", "must be given", "10Mbps"))
    return args.port(port).spec(to, "udp_sink")


def UdpSink(*, port: int = 5001) -> AppSpec:
    """Counts datagrams."""
    return _Args("udp_sink").port(port).spec()


def Replay(pcap: str, to: "Host", *, rate: float | str = 1, loops: int = 1,
           port: int = 5001) -> AppSpec:
    """The packets of a capture (pcap or pcapng) as datagrams to `to`: frames of the same lengths
    at the same times from the app's start on, whatever comes back. `rate`: 2 is twice as fast;
    `loops`: how often the capture is gone through, 0: until the stop. Frames shorter than 50 bytes
    become 50. The Plan holds times and sizes; a run does not need the file."""
    args = _Args("replay").whole("loops", loops, 0, 1_000_000).port(port)
    args.args.pop("loops", None)
    try:
        factor = float(rate)
    except (TypeError, ValueError):
        factor = 0.0
    if not 1e-6 <= factor <= 1e6:
        args.problems.append(Problem("replay.rate", str(rate), f"{rate!r} is not a factor",
                                     "0.000001..1000000"))
        factor = 1.0
    try:
        packets = read_capture(str(pcap))
        gaps = scaled(gaps_of("Replay.pcap", packets.times), factor)
        sizes = payloads(packets.lengths)
        args.args |= {"gaps": as_text(gaps), "sizes": as_text(sizes),
                      "rate_bps": max(1, round(sum(sizes) * 8e9 / max(1, sum(gaps))))}
        args.args["count"] = len(gaps) * loops if isinstance(loops, int) else 0
    except ConfigError as error:
        args.problems.extend(error.problems)
    return args.spec(to, "udp_sink")


def HttpProxy(*, port: int = 8080) -> AppSpec:
    """A forwarding HTTP/1.1 proxy: takes requests for http://ADDRESS[:PORT]/..., asks that server
    and hands its answer on. What one side has not taken holds the other back. `HttpGet(via=)` and
    any client that knows proxies may use it."""
    return _Args("http_proxy").port(port).spec()
