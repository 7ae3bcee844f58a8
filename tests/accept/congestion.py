"""Congestion control: windows and goodput against their formulas, models of the path, marks."""

from __future__ import annotations

import math
import statistics

from promise import Answer, Promise, Ran, gtest, scratch, twinpath
from wire import unit

MSS_BYTES = 1448
ROUND_TRIP_S = 0.020
FORMULAS = "Formulas.*:Cubic.*:Reno.*:CubeRoot.*"
MODEL = "Bbr.*:DeliveryRate.*:WindowedMax.*:Pacer.*:TcpPacing.*"
MARKS = "Marking.*:CongestionMark.*:LinkModel.Marks*:Dctcp.*:TcpDctcp.*"
SENDING = "TcpMinshall.*:TcpNagle.*:TcpCork.*:TcpQuickAck.*:TcpWindow.*:TcpTuning.*"
# Seeded, not periodic: Mathis has no random loss, and a run no infinite length.
SIM_ERROR_MAX = 0.30
SIM_LOSSES = (0.001, 0.003)
SEEDS = (1, 2, 3)


def goodput_bps(ran: Ran) -> float:
    """The receiver's, 0 when the run failed."""
    found = ran.json.get("metrics", {}).get("goodput_bps", {})
    return float(found.get("value", 0))


def transfer(*settings: str, seed: int = 1) -> Ran:
    with scratch("congestion") as folder:
        return twinpath("run", "bulk_transfer", *[word for one in settings for word in ("-p", one)],
                        "--seed", str(seed), "--json", cwd=folder)


def formulas(quick: bool) -> Answer:
    """Periodic loss in the unit tests, which print each error; seeded loss inside ns-3."""
    ran, _ = gtest("unit_tests", FORMULAS)
    lines = [line.strip() for line in ran.output.splitlines() if "formula" in line]
    complaints = [] if ran.code == 0 else [f"ended {ran.code}: {ran.tail}"]
    if len(lines) < 7:
        complaints.append(f"{len(lines)} comparisons, not 7")
    for loss in SIM_LOSSES:
        expected = 8 * MSS_BYTES / ROUND_TRIP_S * math.sqrt(1.5 / loss)
        measured = statistics.mean(
            goodput_bps(transfer(f"loss={loss:.1%}", "congestion=reno", "size=40MB", "every=0",
                                 seed=seed)) for seed in SEEDS)
        error = measured / expected - 1
        lines.append(f"reno in ns-3, {loss:.1%} lost: {measured / 1e6:.1f} Mb/s, formula "
                     f"{expected / 1e6:.1f}, {error:+.0%}")
        if abs(error) > SIM_ERROR_MAX:
            complaints.append(f"{error:+.0%} at {loss:.1%}")
    return Answer("; ".join(lines), complaints)


def model(quick: bool) -> Answer:
    """BBR, in the unit tests and inside ns-3, where CUBIC has less than a fifth of it."""
    answer = unit(MODEL, 15)
    for loss, least in (("0%", 85e6), ("1%", 70e6)):
        measured = goodput_bps(transfer("congestion=bbr", f"loss={loss}", "size=80MB", "every=0"))
        answer.measured += f"; in ns-3 {measured / 1e6:.1f} of 100 Mb/s at {loss}"
        if measured < least:
            answer.complaints.append(f"{measured / 1e6:.1f} Mb/s at {loss}")
    return answer


def marks(quick: bool) -> Answer:
    return unit(MARKS, 8)


def sending(quick: bool) -> Answer:
    return unit(SENDING, 14)


PROMISES = (
    Promise(
        "formulas",
        f"unit_tests --gtest_filter='{FORMULAS}'; twinpath run bulk_transfer -p loss=0.1% "
        "-p congestion=reno",
        "windows on their closed forms; goodput within 12 % of Mathis and of RFC 9438 where every "
        f"n-th segment is lost, within {SIM_ERROR_MAX:.0%} of Mathis at seeded loss in ns-3",
        formulas,
    ),
    Promise(
        "bbr",
        f"unit_tests --gtest_filter='{MODEL}'; twinpath run bulk_transfer -p congestion=bbr",
        "paced, at the measured rate; 100 Mb/s x 20 ms: at least 85 Mb/s, 70 with 1 % loss",
        model,
    ),
    Promise(
        "marks",
        f"unit_tests --gtest_filter='{MARKS}'",
        "DCTCP keeps the queue at the threshold without loss; CUBIC is told, slows down and says "
        "so; the receiver answers each change of marks",
        marks,
    ),
    Promise(
        "sending",
        f"unit_tests --gtest_filter='{SENDING}'",
        "Nagle both ways, cork with its 200 ms, quick acknowledgements, buffers that follow the "
        "path within their bounds, a window of 1 GiB",
        sending,
    ),
)
