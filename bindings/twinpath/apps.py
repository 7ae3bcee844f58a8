"""Traffic applications. Each is a description that stands in the Plan; the worker runs it.

A client names the host it talks to; the server it needs is added there when the scenario has not
run one itself. The tables of arguments stand in bindings/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, Problem, not_yet
from .quantities import Bytes, PacketRate, Rate, Time

if TYPE_CHECKING:
    from .net import Host


@dataclass(frozen=True)
class AppSpec:
    """What to run: `kind` and `args` as in the Plan, the host it talks to, the server it needs."""

    kind: str
    args: dict[str, Any] = field(default_factory=dict)
    to: "Host | None" = None
    needs: str | None = None


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
            port: int = 80) -> AppSpec:
    """Fetches `size` bytes from `server` once and checks the content by `verify` (sha256, none)."""
    args = _Args("http_get").size("size", size).word("verify", verify, "sha256", "none").port(port)
    return args.spec(server, "http_server")


def Bulk(to: "Host", size: Bytes | str | int = 0, *, duration: Time | str | int = 0,
         port: int = 5001) -> AppSpec:
    """Sends `size` bytes over one TCP connection, or for `duration`; 0 and 0: until the stop."""
    args = _Args("bulk").size("size", size).time("duration", duration)
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


def OpenLoop(to: "Host", rate: PacketRate | str, *, size: Bytes | str = "1kB",
             connections: int = 1, requests: int = 0, request: Bytes | str = "64B",
             port: int = 7) -> AppSpec:
    """Open loop: requests leave at `rate` per second (Poisson) whatever the answers do."""
    args = _Args("open_loop").size("response", size).size("request", request)
    args.per_second("rate", rate).whole("connections", connections, 1, 10_000)
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


def UdpBulk(to: "Host", rate: Rate | str, *, size: Bytes | str = "1400B",
            duration: Time | str | int = 0, port: int = 5001) -> AppSpec:
    """Datagrams of `size` bytes at `rate` bit/s of payload for `duration` (0: until the stop)."""
    args = _Args("udp_bulk").rate("rate", rate).size("size", size).time("duration", duration)
    return args.port(port).spec(to, "udp_sink")


def UdpSink(*, port: int = 5001) -> AppSpec:
    """Counts datagrams."""
    return _Args("udp_sink").port(port).spec()


def Replay(*_: Any, **__: Any) -> AppSpec:
    """Traffic from a packet capture."""
    raise not_yet("Replay")


def HttpProxy(*_: Any, **__: Any) -> AppSpec:
    """An HTTP proxy."""
    raise not_yet("HttpProxy")


def Trace(*_: Any, **__: Any) -> AppSpec:
    """Arrival times or sizes from a file's column."""
    raise not_yet("Trace")
