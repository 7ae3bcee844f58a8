"""Twinpath: one stack, two clocks. Scenarios in Python, runs in ns-3 and on DPDK ports.

`import twinpath as tp`, write an `@tp.scenario`, then `case.simulate()` and `case.emulate()`.
Values with units are strings such as "10ms", "100Mbps", "64KiB", "1%".
"""

from .interpreter import require_right_interpreter

require_right_interpreter()

from .apps import (Bulk, BulkSink, EchoServer, HttpGet, HttpProxy, HttpServer, OpenLoop, Replay,
                   RequestResponse, UdpBulk, UdpEcho, UdpEchoServer, UdpSink)
from .checks import Outcome, Suite, at_least, at_most, no_worse, same, suite
from .compare import Comparison, compare
from .diff import Difference, diff
from .errors import (ConfigError, MissingPrivilege, NoVerdict, PortRefused, Problem, RunFailed,
                     RunTimeout, StaleProfile, TwinpathError)
from .events import Event
from .native import native
from .net import App, Done, Host, Link, Net
from .plan import Plan
from .provenance import VERSION as __version__
from .quantities import Bytes, Choice, File, PacketRate, Rate, Ratio, Time
from .recorded import Trace
from .replay import Replayed, replay
from .run import Run
from .scenario import Case, Scenario, scenario
from .session import Session
from .studies import Study, study
from .studies import open_study as open

__all__ = [
    "App", "Bulk", "BulkSink", "Bytes", "Case", "Choice", "Comparison", "ConfigError", "Difference",
    "Done", "EchoServer", "Event", "File", "Host", "HttpGet", "HttpProxy", "HttpServer", "Link",
    "MissingPrivilege", "Net", "NoVerdict", "OpenLoop", "Outcome", "PacketRate", "Plan",
    "PortRefused", "Problem", "Rate", "Ratio", "Replay", "Replayed", "RequestResponse", "Run",
    "RunFailed", "RunTimeout", "Scenario", "Session", "StaleProfile", "Study", "Suite", "Time",
    "Trace", "TwinpathError", "UdpBulk", "UdpEcho", "UdpEchoServer", "UdpSink", "__version__",
    "at_least", "at_most", "compare", "diff", "native", "no_worse", "open", "replay", "same",
    "scenario", "study", "suite",
]
