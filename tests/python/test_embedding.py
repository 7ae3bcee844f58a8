"""The C interface: its header in C and C++, its example, and every bad argument a defined error."""

from __future__ import annotations

import ctypes
import errno
import random
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, ROOT
from twinpath.errors import ConfigError
from twinpath.script import abi, linux

INTERFACE = ROOT / "bindings" / "c"
RAW = "interface eth0 raw address 192.168.0.1/16; route default"
STREAM = (socket.AF_INET, socket.SOCK_STREAM, 0)
EXAMPLE_LINES_MAX = 60


@pytest.fixture
def host() -> abi.Host:
    made = abi.Host(RAW)
    yield made
    made.close()


@pytest.mark.parametrize("command", [
    ["gcc", "-std=c89", "-x", "c"], ["gcc", "-std=c11", "-x", "c"],
    ["g++", "-std=c++11", "-x", "c++"], ["clang", "-std=c11", "-x", "c"],
], ids=lambda command: " ".join(command[:2]))
def test_the_header_compiles(command: list[str], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    user = tmp_path / "user.txt"
    user.write_text("#include <twinpath.h>\n#include <twinpath.h>\n"
                    "int main(void) { return twinpath_abi_version() == 0; }\n")
    subprocess.run([*command, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
                    f"-I{INTERFACE}", str(user)], check=True)


def test_the_example_transfers(tmp_path: Path) -> None:
    source = INTERFACE / "example.c"
    assert len(source.read_text().splitlines()) <= EXAMPLE_LINES_MAX
    library = abi.library_path("fake").parent
    program = tmp_path / "example"
    subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{INTERFACE}", str(source),
                    "-o", str(program), f"-L{library}", "-ltwinpath-host", f"-Wl,-rpath,{library}"],
                   check=True)
    said = [subprocess.run([program], capture_output=True, text=True, check=True).stdout
            for _ in range(2)]
    assert said[0].startswith("1000000 bytes in 0.") and said[0] == said[1]


def test_it_is_installed_with_its_version(tmp_path: Path) -> None:
    subprocess.run(["cmake", "--install", str(BUILD / "bindings" / "c"), "--prefix", str(tmp_path)],
                   check=True, capture_output=True)
    assert (tmp_path / "include" / "twinpath.h").is_file()
    found = list(tmp_path.rglob("libtwinpath-host.so.1"))
    assert len(found) == 1
    said = subprocess.run(["readelf", "-d", str(found[0])], capture_output=True, text=True,
                          check=True).stdout
    assert "[libtwinpath-host.so.1]" in said and "ns3" not in said and "rte_" not in said


def test_only_the_interface_is_shown() -> None:
    said = subprocess.run(["nm", "-D", "--defined-only", str(abi.library_path("fake"))],
                          capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1].partition("@")[0] for line in said.splitlines()}
    assert names - {"TWINPATH_1"} == {n for n in names if n.startswith("twinpath_")}
    header = (INTERFACE / "twinpath.h").read_text()
    assert all(f"{name}(" in header for name in names - {"TWINPATH_1"})


def test_every_problem_at_once() -> None:
    text = """interface eth0 mac zz address 10.0.0.300/8 mtu many dog 1
route nowhere via 1.2.3 dev eth9
tcp.mss_bytes 7
tcp.nothing 1
host.ttl 300
seed x
gibberish
neighbour 10.0.0.1"""
    with pytest.raises(ConfigError) as caught:
        abi.Host(text)
    said = "\n".join(problem.message for problem in caught.value.problems)
    for word in ("zz", "10.0.0.300/8", "many", "dog", "nowhere", "1.2.3", "eth9", "mss_bytes",
                 "tcp.nothing", "host.ttl", "seed", "gibberish", "neighbour"):
        assert word in said
    assert "line 8" in said


def test_every_option_is_listed_and_taken() -> None:
    library = abi.library("fake")
    length = library.twinpath_options(None, 0)
    buffer = ctypes.create_string_buffer(length + 1)
    assert library.twinpath_options(buffer, length + 1) == length
    lines = buffer.value.decode().splitlines()
    options = [line.partition(":")[0] for line in lines if line.startswith(("tcp.", "host."))]
    assert len(options) > 40
    abi.Host(RAW + "\n" + "\n".join(options)).close()


@pytest.mark.parametrize("text", ["", "interface", "interface a; interface a", "seed", "isn -1",
                                  "tcp.delayed_ack 5parsecs", "interface a mtu 5", "tcp.nagle 2"])
def test_a_bad_configuration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        abi.Host(text)


def test_null_and_nonsense_are_errors(host: abi.Host) -> None:
    library = abi.library("fake")
    for name, (_, *arguments) in abi.CALLS.items():
        zeros = [kind() for kind in arguments]
        assert getattr(library, f"twinpath_{name}")(None, *zeros) == -errno.EINVAL, name
        assert host.call(name, *zeros) <= 0 or name in ("next_deadline", "epoll_create"), name
    assert library.twinpath_host_create(None, None, 0) is None
    library.twinpath_host_destroy(None)
    stream = host.call("socket", *STREAM)
    for name, arguments in {"bind": (stream, None, 16), "connect": (stream, None, 16),
                            "sendmsg": (stream, None, 0), "recvmsg": (stream, None, 0),
                            "getsockname": (stream, None, None),
                            "setsockopt": (stream, 1, 2, None, 4),
                            "getsockopt": (stream, 1, 2, None, None),
                            "ioctl": (stream, 0x541b, None)}.items():
        assert host.call(name, *arguments) == -errno.EFAULT, name


def test_wrong_lengths_and_names(host: abi.Host) -> None:
    stream = host.call("socket", *STREAM)
    local = linux.sockaddr("192.168.0.1", 80)
    assert host.call("bind", stream, local, 3) == -errno.EINVAL
    assert host.call("bind", stream, local, 10_000) == -errno.EINVAL
    assert host.call("bind", stream, b"\x63\0" + local[2:], 16) == -errno.EAFNOSUPPORT
    assert host.call("setsockopt", stream, 1, 2, b"\1\0", 2) == -errno.EINVAL
    assert host.call("setsockopt", stream, 1, 999, b"\1\0\0\0", 4) == -errno.ENOPROTOOPT
    assert host.call("setsockopt", stream, 6, 13, b"vegas", 5) == -errno.ENOENT
    assert host.call("socket", 99, 1, 0) == -errno.EAFNOSUPPORT
    assert host.call("socket", 2, 1, 17) == -errno.EPROTONOSUPPORT
    assert host.call("socket", 2, 5, 0) == -errno.ESOCKTNOSUPPORT
    assert host.call("shutdown", stream, 9) == -errno.EINVAL
    assert host.call("advance", -1) == -errno.EINVAL
    assert host.call("inject", 7, b"", 0) == -errno.ENODEV
    assert host.call("inject", 0, bytes(70_000), 70_000) == -errno.EMSGSIZE
    for call in ("listen", "close", "fcntl", "shutdown"):
        arguments = [0] * (len(abi.CALLS[call]) - 2)
        assert host.call(call, 12345, *arguments) == -errno.EBADF, call


def test_any_bytes_may_arrive(host: abi.Host) -> None:
    for length in range(0, 200):
        assert host.inject(bytes((length * 7 + i) % 256 for i in range(length))) == 0
    assert host.inject(bytes([0x45]) + bytes(65534)) == 0


def open_pair(seed: str) -> bytes:
    """What a host says to a SYN, so that two of them can be compared."""
    host = abi.Host(RAW + "\n" + seed)
    client = host.call("socket", *STREAM)
    host.call("connect", client, linux.sockaddr("192.0.2.1", 80), 16)
    taken = host.take()
    host.close()
    assert taken is not None
    return taken[1]


def test_the_same_seed_is_the_same_bytes() -> None:
    assert open_pair("seed 1") == open_pair("seed 1") != open_pair("seed 2")
    assert open_pair("isn 4294967290")[24:28] == (4294967290).to_bytes(4, "big")


def test_frames_are_ethernet_unless_raw() -> None:
    host = abi.Host("interface eth0 address 192.168.0.1/16 mac 02:00:00:00:00:07\n"
                    "neighbour 192.168.0.2 mac 02:00:00:00:00:09")
    client = host.call("socket", *STREAM)
    assert host.call("connect", client, linux.sockaddr("192.168.0.2", 80), 16) == -errno.EINPROGRESS
    taken = host.take()
    assert taken is not None and taken[1][:14].hex() == "0200000000090200000000070800"
    assert host.take() is None
    host.close()


VLANS = """interface v7 on eth0 vlan 7 address 198.18.7.1/24
interface eth0 mac 02:00:00:00:00:05 address 198.18.0.1/24
interface eth1 address 198.18.1.1/24 vlan 9 peer 02:00:00:00:00:09
neighbour 198.18.0.2 mac 02:00:00:00:00:0a dev eth0
neighbour 198.18.7.2 mac 02:00:00:00:00:0a dev v7"""


@pytest.mark.parametrize("under", ["fake", "ns3"])
def test_vlans_share_a_port(under: str) -> None:
    host = abi.Host(VLANS, under)
    sender = host.call("socket", socket.AF_INET, socket.SOCK_DGRAM, 0)
    told = {}
    for target in ("198.18.0.2", "198.18.7.2", "198.18.1.2"):
        assert host.call("sendto", sender, b"x", 1, 0, linux.sockaddr(target, 9), 16) == 1
        about, room = abi.Frame(), ctypes.create_string_buffer(100)
        assert host.call("take", ctypes.byref(about), room, 100) > 0
        told[target] = (about.interface, room.raw[:16].hex())
    ends = "02000000000a020000000005"
    assert told["198.18.0.2"] == (0, ends + "08004500")
    assert told["198.18.7.2"] == (0, ends + "81000007")
    assert told["198.18.1.2"][0] == 1 and told["198.18.1.2"][1][24:] == "81000009"
    assert host.call("inject", 1, b"", 0) == 0
    assert host.call("inject", 2, b"", 0) == -errno.ENODEV
    host.close()


def test_link_local_addresses_on_request() -> None:
    for word, result in (("", -errno.EADDRNOTAVAIL), ("link-local", 0)):
        host = abi.Host(f"interface eth0 mac 02:00:00:00:00:01 address 198.18.0.1/24 {word}")
        listener = host.call("socket", socket.AF_INET6, socket.SOCK_STREAM, 0)
        assert host.call("bind", listener, linux.sockaddr("fe80::ff:fe00:1", 80), 28) == result
        host.close()


@pytest.mark.parametrize("text, told", [
    ("interface a vlan 5000", "'5000' is not a VLAN (1..4094"),
    ("interface a vlan x", "'x' is not a VLAN (1..4094"),
    ("interface a raw vlan 3", "have no room for a VLAN's tag"),
    ("interface a; interface b on c vlan 3", "'c' is not the name of an interface"),
    ("interface a; interface b on a; interface c on b", "'b' is not an interface with a port"),
    ("interface a raw; interface b on a vlan 3", "'a' is not an interface with Ethernet frames"),
    ("interface a; interface b on a vlan 3 raw", "'raw' is for one with a port of its own"),
    ("interface a; interface b on a", "the same port"),
    ("interface a mtu x", "68..65535"),
    ("interface a tag 3", "address, link-local, mac, mtu, on, peer, raw, vlan"),
])
def test_what_is_wrong_with_an_interface_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        abi.Host(text)
    assert told in "\n".join(problem.message for problem in caught.value.problems)


# What no statement sets: what the carrier gives, what is code, and what no network is sized by.
UNSAID = {"initial_sequence", "initial_timestamp", "custom_congestion", "publisher",
          "stream_chunk_bytes", "stream_chunks_max", "interfaces", "routes", "neighbours"}


@pytest.mark.parametrize("header, struct, prefix", [
    ("tcp/config.h", "TcpConfig", "tcp."), ("host/host_config.h", "HostConfig", "host."),
    ("host/host_config.h", "InterfaceConfig", "interface "),
])
def test_every_member_of_a_configuration_has_its_word(header: str, struct: str,
                                                      prefix: str) -> None:
    text = (ROOT / "models" / header).read_text()
    body = text.partition(f"struct {struct} {{")[2].partition("\n};")[0]
    members = re.findall(r"^  (?!static)[\w:<>,. ]+? (\w+)(?: = [^;]*|\{\})?;", body, re.MULTILINE)
    library = abi.library("fake")
    buffer = ctypes.create_string_buffer(1 << 16)
    library.twinpath_options(buffer, len(buffer))
    words = buffer.value.decode()
    interface = {"mac": "mac", "addresses": "address", "mtu_bytes": "mtu", "arp": "raw",
                 "peer": "peer", "port": "on", "vlan": "vlan", "link_local": "link-local"}
    assert len(members) > 6
    for member in set(members) - UNSAID:
        if prefix == "interface ":
            assert f"[{interface[member]}" in words, member
        else:
            assert f"\n{prefix}{member} " in words or f"\n{member} " in words, member


V6_ENDS = ("2001:db8::1", "2001:db8::2")


def shuttle(hosts: tuple[abi.Host, abi.Host], most: int = 100) -> int:
    """Carries what both send to the other until neither sends; how many packets that was."""
    carried = 0
    for _ in range(most):
        moved = False
        for sender, receiver in (hosts, hosts[::-1]):
            while (taken := sender.take()) is not None:
                assert taken[1][0] >> 4 == 6
                assert receiver.inject(taken[1]) == 0
                carried, moved = carried + 1, True
        if not moved:
            return carried
    raise AssertionError(f"still packets after {most} rounds")


def named(host: abi.Host, call: str, descriptor: int) -> tuple[int, str, int]:
    """Family, address and port as getsockname() or getpeername() tell them."""
    room, length = ctypes.create_string_buffer(28), ctypes.c_uint32(28)
    assert host.call(call, descriptor, room, ctypes.byref(length)) == 0 and length.value == 28
    return (int.from_bytes(room.raw[:2], "little"), socket.inet_ntop(socket.AF_INET6,
            room.raw[8:24]), int.from_bytes(room.raw[2:4], "big"))


@pytest.mark.parametrize("under", ["fake", "ns3"])
def test_ipv6_sockets(under: str) -> None:
    hosts = tuple(abi.Host(f"interface eth0 raw address {address}/64; route ::/0\nseed {seed}",
                           under) for seed, address in enumerate(V6_ENDS))
    client_host, server_host = hosts
    listening, client = (host.call("socket", socket.AF_INET6, socket.SOCK_STREAM, 0)
                         for host in hosts[::-1])
    short = linux.sockaddr(V6_ENDS[1], 80)
    assert server_host.call("bind", listening, short, 16) == -errno.EINVAL
    assert server_host.call("bind", listening, linux.sockaddr("::", 80), 28) == 0
    assert server_host.call("listen", listening, 5) == 0
    assert client_host.call("connect", client, short, 28) == -errno.EINPROGRESS
    assert shuttle(hosts) >= 3
    room, length = ctypes.create_string_buffer(28), ctypes.c_uint32(28)
    server = server_host.call("accept", listening, room, ctypes.byref(length), 0)
    assert server > 0 and length.value == 28
    assert room.raw[8:24] == socket.inet_pton(socket.AF_INET6, V6_ENDS[0])
    assert named(client_host, "getpeername", client) == (socket.AF_INET6, V6_ENDS[1], 80)
    assert named(server_host, "getsockname", server) == (socket.AF_INET6, V6_ENDS[1], 80)
    assert named(client_host, "getsockname", client) == named(server_host, "getpeername", server)
    said = bytes(i % 251 for i in range(10_000))
    assert client_host.call("setsockopt", client, 6, 1, b"\1\0\0\0", 4) == 0  # TCP_NODELAY
    assert client_host.call("sendto", client, said, len(said), 0, None, 0) == len(said)
    assert shuttle(hosts) > len(said) // 1440
    got = ctypes.create_string_buffer(len(said))
    assert server_host.call("recvfrom", server, got, len(said), 0, None, None) == len(said)
    assert got.raw == said
    for host in hosts:
        host.close()


def test_a_datagram_is_cut_and_peeked(host: abi.Host) -> None:
    sender = host.call("socket", 2, socket.SOCK_DGRAM, 0)
    assert host.call("bind", sender, linux.sockaddr("0.0.0.0", 53), 16) == 0
    room = ctypes.create_string_buffer(4)
    assert host.call("recvfrom", sender, room, 4, 0, None, None) == -errno.EAGAIN
    packet = bytes.fromhex("450000240000400040110000c0000201c0a80001") + \
        bytes.fromhex("00010035 0010 0000".replace(" ", "")) + b"12345678"
    total = sum(int.from_bytes(packet[i:i + 2], "big") for i in range(0, 20, 2))
    check = ~((total & 0xffff) + (total >> 16)) & 0xffff
    assert host.inject(packet[:10] + check.to_bytes(2, "big") + packet[12:]) == 0
    assert host.call("recvfrom", sender, room, 4, socket.MSG_PEEK, None, None) == 4
    assert host.call("recvfrom", sender, room, 4, socket.MSG_TRUNC, None, None) == 8
    assert room.raw == b"1234"


class Abuse:
    """Calls nobody means well with, on a host that has a listener and a connection."""

    NUMBERS = (-1, 0, 1, 2, 3, 4, 5, 6, 10, 13, 16, 17, 255, 0x541b, 0x5411, 1 << 24, (1 << 31) - 1)

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.host = abi.Host(f"{RAW}; seed {seed}; tcp.send_buffer_bytes 8192")
        listener = self.host.call("socket", *STREAM)
        self.host.call("bind", listener, linux.sockaddr("192.168.0.1", 80), 16)
        self.host.call("listen", listener, 2)
        client = self.host.call("socket", *STREAM)
        self.host.call("connect", client, linux.sockaddr("192.0.2.1", 80), 16)
        self.frames = [bytes.fromhex("4500002800004000400679eac0000201c0a80001") + bytes(20)]
        self.rooms = [ctypes.create_string_buffer(self.random.randbytes(256), 256)
                      for _ in range(8)]

    def argument(self, kind: type) -> object:
        if kind is abi.POINTER:
            return self.random.choice([None, *self.rooms])
        if kind is abi.TEXT:
            return self.random.choice([None, bytes(256), self.random.randbytes(256)])
        if kind is abi.SIZE or kind is ctypes.c_uint32:
            return self.random.choice((0, 1, 4, 15, 16, 28, 200))
        return self.random.choice(self.NUMBERS)

    def call(self) -> None:
        name = self.random.choice([n for n in abi.CALLS if n not in UNSAFE])
        arguments = [self.argument(kind) for kind in abi.CALLS[name][1:]]
        result = self.host.call(name, *arguments)
        assert -4096 < result, (name, arguments, result)

    def frame(self) -> None:
        """A packet the host sent, answered with bytes turned over."""
        taken = self.host.take()
        if taken is not None:
            self.frames.append(taken[1][:12] + taken[1][16:20] + taken[1][12:16] + taken[1][20:])
        packet = bytearray(self.random.choice(self.frames[-4:]))
        for _ in range(self.random.randrange(4)):
            packet[self.random.randrange(len(packet))] = self.random.randrange(256)
        assert self.host.inject(bytes(packet[:self.random.randrange(1, len(packet) + 1)])) == 0

    def run(self, calls: int) -> None:
        for _ in range(calls):
            self.random.choice((self.call, self.call, self.frame))()
            now = self.host.call("now")
            assert self.host.call("advance", now + self.random.choice((0, 10**6, 10**9))) == 0
        self.host.close()


# These are handed structures with pointers or counts in them, which C cannot check, or the clock.
UNSAFE = ("sendmsg", "recvmsg", "writev", "readv", "poll", "epoll_wait", "advance")


@pytest.mark.parametrize("seed", range(8))
def test_calls_in_any_order_are_answered(seed: int) -> None:
    Abuse(seed).run(2000)
