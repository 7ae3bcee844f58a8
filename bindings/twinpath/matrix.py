"""Which stack runs which app under which driver. An impossible cell is a ConfigError."""

from __future__ import annotations

APP_KINDS = ("http_server", "http_get", "http_proxy", "bulk", "bulk_sink", "request_response",
             "echo_server", "open_loop", "udp_echo", "udp_echo_server", "udp_bulk", "udp_sink",
             "replay", "native")
STACKS = ("twinpath", "ns3", "linux", "lwip")
DRIVERS = ("sim", "emu", "bridge")
REAL_TIME = ("emu", "bridge")  # by the wall clock, with ports on a test-bed, one run at a time
# Servers and the transport whose port they take.
SERVES = {"http_server": "TCP", "http_proxy": "TCP", "bulk_sink": "TCP", "echo_server": "TCP",
          "udp_echo_server": "UDP", "udp_sink": "UDP"}

_NS3 = ("http_server", "bulk", "bulk_sink", "udp_echo_server", "udp_sink")
_LINUX = ("http_server", "http_get", "bulk_sink", "echo_server", "udp_echo_server", "udp_sink")

SUPPORTED: dict[tuple[str, str], tuple[str, ...]] = {
    ("sim", "twinpath"): APP_KINDS,
    ("emu", "twinpath"): APP_KINDS,
    ("sim", "lwip"): APP_KINDS,
    ("emu", "lwip"): APP_KINDS,
    ("sim", "ns3"): _NS3,
    ("emu", "linux"): _LINUX,
    ("bridge", "twinpath"): APP_KINDS,
    ("bridge", "lwip"): APP_KINDS,
    ("bridge", "ns3"): _NS3,
    ("bridge", "linux"): _LINUX,
}


def stacks(driver: str) -> list[str]:
    """Stacks that exist under `driver`."""
    return [stack for stack in STACKS if (driver, stack) in SUPPORTED]


def why_not(driver: str, stack: str) -> str:
    """Why a stack does not exist under a driver, in words."""
    if stack == "ns3" and driver == "emu":
        return "ns3 is a simulated stack; it has no real packets for emu"
    if stack == "linux" and driver == "sim":
        return "linux needs a real clock; it exists under emu and bridge only"
    return f"{stack} is not available yet under {driver}"


def rows() -> list[tuple[str, list[str]]]:
    """The matrix for printing: per app kind, the driver:stack cells that exist."""
    return [(kind, [f"{driver}:{stack}" for (driver, stack), kinds in SUPPORTED.items()
                    if kind in kinds]) for kind in APP_KINDS]
