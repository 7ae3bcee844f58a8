"""Plays a script against a host: moves the clock from event to event, injects, calls, and compares
what leaves with what is expected."""

from __future__ import annotations

import dataclasses
import errno
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Callable

from . import abi, checks, grammar, linux, wire
from .calls import Addresses, CallError, Calls
from .kernel import Kernel, NoCounterpart
from .model import Call, Check, Event, Icmp, Packet, Script, ScriptError, Tcp, Udp, When
from .peer import Mismatch, Peer, Seen
from .shown import packet_text

NS_PER_US = 1000
TOLERANCE_US = 4000
REAL_TIME = ("net_ring", "linux")
REAL_TIME_TOLERANCE_US = 250_000  # on a busy machine; order and contents stay sharp
OPTIONS_MAX = 40        # bytes by which a full segment may be shorter than the MSS
ANYTIME_NS = 120 * 1_000_000_000  # how long `*` waits
STEPS_MAX = 1_000_000             # of the clock within one wait
WAITING = (-errno.EAGAIN, -errno.EINPROGRESS, -errno.EALREADY)


class Failure(Exception):
    """The host did something else than the script says."""


@dataclass
class Outcome:
    """What became of a script: `passed`, or why not and at which line."""

    path: str
    status: str  # passed, failed, bad, or left_out: longer than at_most_s
    message: str = ""
    line: int = 0
    column: int = 0
    virtual_s: float = 0.0
    wall_s: float = 0.0
    said: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return {"path": self.path, "status": self.status, "message": self.message,
                "line": self.line, "column": self.column, "virtual_s": self.virtual_s,
                "wall_s": self.wall_s}

    def __str__(self) -> str:
        if self.status == "passed":
            return f"{self.path}: passed"
        if self.status == "left_out":
            return f"{self.path}: left out: {self.message}"
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


@dataclass
class Pending:
    """A call that has not returned yet."""

    event: Event
    call: Call
    from_ns: int
    until_ns: int
    done: int = 0  # bytes a write that blocks has given away


@dataclass(frozen=True)
class Settings:
    """How to run: in which driver, with which options of the host, and the peer's first number."""

    under: str = "fake"
    options: tuple[tuple[str, str], ...] = ()
    peer_isn: int = 0
    at_most_s: float = 0.0  # scripts that take longer are left out; 0: none
    say: Callable[[str], None] = lambda text: None


def run_file(path: str, settings: Settings = Settings()) -> Outcome:
    """The outcome of one file; nothing is raised for what is wrong with it."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        return Outcome(path, "bad", f"cannot be read: {error}", 1, 1)
    return run_text(path, text, settings)


def run_text(path: str, text: str, settings: Settings = Settings()) -> Outcome:
    started = time.perf_counter()
    runner = None
    outcome = Outcome(path, "passed")
    event: Event | None = None
    try:
        script = grammar.parse(text)
        if settings.at_most_s and lasts_s(script) > settings.at_most_s:
            outcome.status = "left_out"
            outcome.message = f"takes {lasts_s(script):.0f} s, more than {settings.at_most_s:.0f} s"
            return outcome
        runner = Runner(script, settings, outcome)
        for event in script.events:
            runner.play(event)
        runner.finish()
    except ScriptError as error:
        outcome.status, outcome.message = "bad", error.message
        outcome.line, outcome.column = error.line, error.column
    except NoCounterpart as error:
        outcome.status, outcome.message = "left_out", str(error)
    except abi.ConfigError as error:
        outcome.status, outcome.line = "bad", 1
        outcome.message = re.sub(r"^line \d+: ", "", str(error), flags=re.MULTILINE)  # not of ours
    except (Failure, CallError, Mismatch, checks.CheckError) as error:
        outcome.status, outcome.message = "failed", str(error)
        if event is not None:
            outcome.line, outcome.column = event.line, event.column
    finally:
        if runner is not None:
            outcome.virtual_s = runner.now_ns / 1e9
            runner.host.close()
    outcome.wall_s = time.perf_counter() - started
    return outcome


def lasts_s(script: Script) -> float:
    """How much time a script lets pass, at most."""
    total_ns = 0
    for event in script.events:
        last_ns = max(event.when.last_ns, event.when.done_ns or 0)
        total_ns = total_ns + last_ns if event.when.relative else max(total_ns, last_ns)
    return total_ns / 1e9


def configuration(script: Script, addresses: Addresses, settings: Settings) -> str:
    """The host's, in the words of twinpath_host_create()."""
    prefix = 64 if addresses.v6 else 16
    lines = [f"interface eth0 raw address {addresses.local}/{prefix} "
             f"mtu {script.options.get('mtu', '1500')}",
             "route ::/0" if addresses.v6 else "route default"]
    lines += [f"{key} {value}" for key, value in (*script.settings, *settings.options)]
    return "\n".join(lines)


def addresses_of(script: Script) -> Addresses:
    """packetdrill's own, unless the script says others."""
    said = script.options
    version = said.get("ip_version", "ipv4")
    if version not in ("ipv4", "ipv6"):
        raise ScriptError(f"--ip_version={version}: ipv4 or ipv6", 1)
    v6 = version == "ipv6"
    try:
        return Addresses(said.get("local_ip", "fd3d:fa7b:d17d::1" if v6 else "192.168.0.1"),
                         said.get("remote_ip", "2001:db8::1" if v6 else "192.0.2.1"),
                         int(said.get("bind_port", "8080")), int(said.get("connect_port", "8080")),
                         v6)
    except ValueError as error:
        raise ScriptError(f"a port is a number: {error}", 1) from None


class Runner:
    """One script against one host."""

    def __init__(self, script: Script, settings: Settings, outcome: Outcome) -> None:
        self.outcome, self.settings = outcome, settings
        tolerance_us = self._number(script, "tolerance_usecs", TOLERANCE_US)
        if settings.under in REAL_TIME:
            tolerance_us = max(tolerance_us, REAL_TIME_TOLERANCE_US)
        self.tolerance_ns = tolerance_us * NS_PER_US
        addresses = addresses_of(script)
        said = configuration(script, addresses, settings)
        self.host = Kernel(said) if settings.under == "linux" else abi.Host(said, settings.under)
        self.calls = Calls(self.host, addresses)
        self.peer = Peer(addresses, self._number(script, "peer_isn", settings.peer_isn))
        self.now_ns = self.base_ns = self.host.call("now")
        self.seen: deque[Seen] = deque()
        self.pending: Pending | None = None
        self.strict = "strict_segments" in script.options
        self.is_linux = settings.under == "linux"

    def _number(self, script: Script, name: str, default: int) -> int:
        try:
            return int(script.options.get(name, default))
        except ValueError:
            raise ScriptError(f"--{name}={script.options[name]}: a number", 1) from None

    # Time.

    def play(self, event: Event) -> None:
        self.settings.say(f"{self.now_ns / 1e9:.6f} {event.text}")
        if isinstance(event.what, Packet) and event.what.outbound:
            self._expect(event, event.what)
        else:
            self._wait_until(self._due(event.when))
            if isinstance(event.what, Packet):
                self._inject(event.what)
            elif isinstance(event.what, Check):
                self._check(event.what)
            else:
                self._call(event, event.what)
        self._retry()
        self.base_ns = self.now_ns

    def finish(self) -> None:
        """A call that still blocks may return in the time the script gives it."""
        if self.pending is not None:
            self._wait_until(self.pending.until_ns + self.tolerance_ns)
        if self.pending is not None:
            raise Failure(f"{self.pending.call.name}() did not return: {self.pending.event.text}")

    def _due(self, when: When) -> int:
        due = when.first_ns + (self.base_ns if when.relative else 0)
        if due < self.now_ns - self.tolerance_ns:
            raise Failure(f"the script is late: this was for {due / 1e9:.6f} s, it is "
                          f"{self.now_ns / 1e9:.6f} s")
        return max(due, self.now_ns)

    def _advance(self, until_ns: int) -> None:
        result = self.host.call("advance", until_ns)
        if result < 0:
            raise Failure(f"the host's clock: {linux.error_note(-result)}")
        self.now_ns = max(until_ns, self.host.call("now"))
        self._collect()

    def _wait_until(self, until_ns: int) -> None:
        """Lets time pass; a call that blocks is tried whenever something happened."""
        for _ in range(STEPS_MAX):
            if self.pending is None:
                break
            due = self.host.call("next_deadline")
            if due >= until_ns:
                break
            self._advance(max(due, self.now_ns))
            self._retry()
        if until_ns > self.now_ns:
            self._advance(until_ns)
            self._retry()

    def _collect(self) -> None:
        taken = self.host.take()
        while taken is not None:
            at_ns, data = taken
            try:
                ip, body = wire.read_packet(data)
            except wire.BadPacket as error:
                raise Failure(f"the host sent {error}") from None
            seen = Seen(at_ns, ip, body)
            self.peer.note(seen)
            self.seen.append(seen)
            taken = self.host.take()

    # Segments.

    def _inject(self, packet: Packet) -> None:
        try:
            data = self.peer.packet(packet)
        except wire.BadPacket as error:
            raise Failure(str(error)) from None
        result = self.host.inject(data)
        if result < 0:
            raise Failure(f"the packet could not be injected: {linux.error_note(-result)}")
        self._collect()

    def _expect(self, event: Event, packet: Packet) -> None:
        self._collect()
        when = event.when
        base = self.base_ns if when.relative else 0
        latest = self.now_ns + ANYTIME_NS if when.anytime \
            else base + when.last_ns + self.tolerance_ns
        self._await_packet(latest)
        if not self.seen:
            raise Failure(f"nothing was sent\n  expected: {packet_text(packet)}")
        seen = self.seen.popleft()
        self._compare(seen, packet, latest)
        if when.anytime:
            return
        earliest = base + when.first_ns - self.tolerance_ns
        if not earliest <= seen.at_ns <= latest:
            raise Failure(
                f"sent at the wrong time: {(seen.at_ns - base) / 1e9:.6f} s, expected "
                f"{when.first_ns / 1e9:.6f} to {when.last_ns / 1e9:.6f} s "
                f"(tolerance {self.tolerance_ns / 1e9:.6f} s)\n  "
                f"sent:     {packet_text(self.peer.told(seen, packet))}")

    def _await_packet(self, latest: int) -> None:
        for _ in range(STEPS_MAX):
            due = self.host.call("next_deadline")
            if self.seen or due > latest:
                return
            self._advance(max(due, self.now_ns))
            self._retry()
        raise Failure("the host is busy for ever without sending anything")

    def _whole(self, seen: Seen, packet: Packet, latest: int) -> Packet:
        """What came; where the script has one segment longer than any, the run of those it is cut
        into, as packetdrill takes it."""
        told, wanted = self.peer.told(seen, packet), packet.body
        if self.strict or not isinstance(told.body, Tcp) or not isinstance(wanted, Tcp):
            return told
        body = told.body
        # Linux cuts what is more than half of the peer's window.
        full = min(self.peer.flow.mss, self.peer.flow.own_mss) - OPTIONS_MAX
        is_full = body.length >= (1 if self.is_linux else full)
        while is_full and body.seq == wanted.seq and body.length < wanted.length:
            self._await_packet(latest)
            follows = self.peer.told(self.seen[0], packet).body if self.seen else None
            if not isinstance(follows, Tcp) or follows.seq != body.seq + body.length \
                    or not follows.length or body.length + follows.length > wanted.length:
                break
            self.seen.popleft()
            # Where senders put PSH within a run is their own affair.
            flags = set(body.flags + follows.flags) - {"P"} | set(wanted.flags) & {"P"}
            body = dataclasses.replace(follows, seq=body.seq, length=body.length + follows.length,
                                       flags="".join(sorted(flags)))
        return dataclasses.replace(told, body=body)

    def _compare(self, seen: Seen, packet: Packet, latest: int) -> None:
        told = self._whole(seen, packet, latest)
        if isinstance(seen.body, wire.Datagram):
            self.peer.follow(seen.body.ports)
        what = difference(*map(_without_push, (told, packet)) if self.is_linux else (told, packet))
        if what:
            shown = told if isinstance(told.body, type(packet.body)) else self.peer.told(seen)
            raise Failure(f"{what}\n  sent:     {packet_text(shown)}\n"
                          f"  expected: {packet_text(packet)}")

    # Calls and checks.

    def _check(self, check: Check) -> None:
        def say(text: str) -> None:
            self.outcome.said.append(text)
            self.settings.say(text)

        checks.run(check.code, self.calls.tcp_info(), say)

    def _call(self, event: Event, call: Call) -> None:
        if self.pending is not None:
            raise Failure(f"{self.pending.call.name}() has not returned: {self.pending.event.text}")
        when = event.when
        if when.done_ns is not None:
            base = self.base_ns if when.relative else 0
            done = base + when.done_ns
            self.pending = Pending(event, call, done - self.tolerance_ns, done + self.tolerance_ns)
            self._retry()
            return
        result = self.calls.perform(call)
        self._collect()
        timeout_ms = self.calls.timeout_ms(call)
        if result == 0 and timeout_ms:
            result = self._wait_for_events(call, timeout_ms)
        self._compare_result(call, result)

    def _wait_for_events(self, call: Call, timeout_ms: int) -> int:
        """poll() and epoll_wait() without a window of their own: up to their time-out."""
        until = self.now_ns + (ANYTIME_NS if timeout_ms < 0 else timeout_ms * 1_000_000)
        result = 0
        for _ in range(STEPS_MAX):
            due = min(self.host.call("next_deadline"), until)
            self._advance(max(due, self.now_ns))
            result = self.calls.perform(call)
            if result or self.now_ns >= until:
                break
        return result

    def _retry(self) -> None:
        """Whether the call that blocks returns now."""
        pending = self.pending
        if pending is None:
            return
        result = self._go_on(pending)
        self._collect()
        if result in WAITING or (result == 0 and self.calls.timeout_ms(pending.call)):
            if self.now_ns > pending.until_ns:
                raise Failure(f"{pending.call.name}() did not return by "
                              f"{pending.until_ns / 1e9:.6f} s: {pending.event.text}")
            return
        self.pending = None
        if self.now_ns < pending.from_ns:
            raise Failure(f"{pending.call.name}() returned at {self.now_ns / 1e9:.6f} s, expected "
                          f"{(pending.from_ns + self.tolerance_ns) / 1e9:.6f} s")
        self._compare_result(pending.call, result)

    def _go_on(self, pending: Pending) -> int:
        """Tries again; write() is over when everything was taken, as with a socket that blocks."""
        call = pending.call
        result = self.calls.perform(call)
        if call.name not in ("write", "send", "sendto") or result <= 0:
            return result
        pending.done += result
        left = (linux.number(call.arguments[2]) or 0) - result
        if left <= 0:
            return pending.done
        pending.call = dataclasses.replace(
            call, arguments=(*call.arguments[:2], left, *call.arguments[3:]))
        return -errno.EAGAIN

    def _compare_result(self, call: Call, result: int) -> None:
        expected = linux.number(call.result)
        error = linux.error_name(-result) if result < 0 else ""
        shown = -1 if result < 0 else result
        any_result = expected is None and not call.error
        if any_result or (shown == expected and (error == call.error or not call.error
                                                 and result >= 0)):
            return
        came = f"-1 {linux.error_note(-result)}" if result < 0 else str(result)
        note = ""
        if result == -errno.EAGAIN and call.error != "EAGAIN":
            note = "; it would block"
        raise Failure(f"{call.name}() returned {came}{note}, expected "
                      f"{call.result} {call.error}".rstrip())


def _without_push(packet: Packet) -> Packet:
    """Linux has PSH on every piece it cuts for itself, wherever the data ends."""
    if not isinstance(packet.body, Tcp):
        return packet
    return dataclasses.replace(
        packet, body=dataclasses.replace(packet.body, flags=packet.body.flags.replace("P", "")))


def difference(told: Packet, expected: Packet) -> str:
    """In which field they differ, or nothing."""
    if type(told.body) is not type(expected.body):
        return "another kind of packet"
    if told.ip != expected.ip:
        return "the IP header differs"
    if told.ports != expected.ports:
        return "the ports differ"
    if isinstance(told.body, Tcp) and isinstance(expected.body, Tcp):
        return _tcp_difference(told.body, expected.body)
    if isinstance(told.body, Udp):
        return "" if told.body == expected.body else "the length differs"
    assert isinstance(told.body, Icmp) and isinstance(expected.body, Icmp)
    if (told.body.type, told.body.code) != (expected.body.type, expected.body.code):
        return "the message differs"
    if expected.body.mtu is not None and told.body.mtu != expected.body.mtu:
        return "the MTU differs"
    if expected.body.quoted is not None and told.body.quoted != expected.body.quoted:
        return "the packet quoted differs"
    return ""


def _tcp_difference(told: Tcp, expected: Tcp) -> str:
    if set(told.flags.replace("-", "")) != set(expected.flags):
        return "the flags differ"
    if (told.seq, told.length) != (expected.seq % (1 << 32), expected.length):
        return "the place in the stream differs"
    if expected.ack is not None and told.ack != expected.ack % (1 << 32):
        return "the acknowledgement differs"
    if expected.window is not None and told.window != expected.window:
        return "the window differs"
    if told.urgent != expected.urgent:
        return "the urgent pointer differs"
    if expected.options is not None and told.options != expected.options:
        return "the options differ"
    return ""
