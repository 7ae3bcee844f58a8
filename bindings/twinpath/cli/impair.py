"""`impair`: our rate, delay and faults as a live box between two ports, until Ctrl-C."""

from __future__ import annotations

from typing import Any, Optional

import typer
from rich.markup import escape

from .. import lab_bed
from ..errors import ConfigError, RunFailed, raise_for_result
from ..fill import crash_text
from ..net import Net
from ..ports import ask_ip
from ..quantities import Time
from ..supervise import WorkerEnd, run_worker
from ..testbed_file import BedPort, TestbedFile
from .output import console, print_json
from .scenarios import JSON, SEED

app = typer.Typer(add_completion=False)


@app.callback()
def _frame() -> None:
    """Keeps `impair` a sub-command."""


@app.command("impair", help="Our rate, delay and faults as a live box between two DPDK ports: "
                            "interface names, vdevs or PCI addresses.")
def impair_command(port_a: str, port_b: str, *,
                   rate: str = typer.Option("unlimited", help="10Mbps"),
                   delay: str = typer.Option("0", help="one way: 5ms"),
                   jitter: str = typer.Option("0", help="added, uniform from 0: 1ms"),
                   loss: str = typer.Option("0", help="1%"),
                   reorder: str = typer.Option("0"), duplicate: str = typer.Option("0"),
                   corrupt: str = typer.Option("0"), queue: str = typer.Option("256KiB"),
                   ecn_threshold: str = typer.Option("0", help="ECN marks above it: 30kB"),
                   seed: int = SEED,
                   duration: Optional[str] = typer.Option(None, help="stop after: 60s"),
                   as_json: bool = JSON) -> int:
    net = Net()
    link = net.link(net.host("a"), net.host("b"), name="box", rate=rate, delay=delay,
                    jitter=jitter, loss=loss, reorder=reorder, duplicate=duplicate,
                    corrupt=corrupt, queue=queue, ecn_threshold=ecn_threshold)
    lasts = None if duration is None else net.quantity(Time, "--duration", duration)
    if port_a == port_b:
        net.problem("impair", port_a, "a box needs two different ports")
    if net.problems:
        raise ConfigError(net.problems)
    job = {"port_a": port_a, "port_b": port_b, "link": link.as_plan(), "seed": seed,
           "duration_ns": None if lasts is None else lasts.ns}
    bed = box_bed(port_a, port_b)
    lab_bed.refuse_used(bed, list(bed.ports.values()))
    locks = lab_bed.lock_all(bed, list(bed.ports.values()))
    try:
        if not as_json:
            console.print(f"{escape(port_a)} ↔ {escape(port_b)}: rate {link.rate}, delay "
                          f"{link.delay}, loss {link.loss}; Ctrl-C ends it")
        end = run_worker("emu", job, function="impair")
    finally:
        locks.close()
    return _report(end, as_json)


def box_bed(port_a: str, port_b: str) -> TestbedFile:
    """The two ports as a test-bed: refused and locked like those of any other."""
    interfaces = [str(entry.get("ifname")) for entry in ask_ip()("link")]
    ports = {name: BedPort(name, f"net_af_packet0,iface={name}" if name in interfaces else name)
             for name in (port_a, port_b)}
    return TestbedFile("impair", "", "", ports=ports)


def _report(end: WorkerEnd, as_json: bool) -> int:
    result: dict[str, Any] = end.result or {}
    if not result and end.stopped != "interrupted":
        raise RunFailed(crash_text(end), stderr=end.stderr)
    raise_for_result(result, end.stderr)
    if as_json:
        status = end.stopped or result["status"]
        print_json({"schema": "twinpath.impair/1", "counters": {}, **result, "status": status,
                    "problems": []})
    for direction, counters in result.get("counters", {}).items():
        if not as_json:
            shown = ", ".join(f"{name} {count}" for name, count in counters.items() if count)
            console.print(f"{direction}: {shown or 'nothing'}")
    return 130 if end.stopped == "interrupted" else 0
