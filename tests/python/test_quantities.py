"""Units: what is written is what is meant, and a bare number is refused in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinpath.errors import ConfigError
from twinpath.quantities import Bytes, Choice, PacketRate, Quantity, Rate, Ratio, Time, quantity

TYPES = (Rate, PacketRate, Time, Bytes)


@pytest.mark.parametrize("kind, text, value", [
    (Rate, "10Gbps", 1e10), (Rate, "100Mbps", 1e8), (Rate, "1.5 kbps", 1500.0),
    (Rate, "unlimited", math.inf), (Rate, "9600bit/s", 9600.0),
    (PacketRate, "1Mpps", 1e6), (Time, "5us", 5e-6), (Time, "5µs", 5e-6), (Time, "10ms", 0.01),
    (Time, "2min", 120.0), (Bytes, "64KiB", 65536.0), (Bytes, "1kB", 1000.0),
    (Bytes, "10_000B", 10000.0), (Ratio, "1%", 0.01), (Ratio, "0.5", 0.5), (Ratio, 0.25, 0.25),
    (Time, 0, 0.0), (Bytes, "0", 0.0),
])
def test_reads(kind: type[Quantity], text: str, value: float) -> None:
    assert float(kind(text)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("kind, value, message", [
    (Time, 10, "delay: 10 has no unit; write '10ms' (ns us ms s)"),
    (Time, "10", "delay: 10 has no unit; write '10ms' (ns us ms s)"),
    (Rate, 5, "delay: 5 has no unit; write '5Mbps' (bps kbps Mbps Gbps Tbps)"),
    (Bytes, "10 furlongs", "delay: 'furlongs' is not a unit of size (B kB MB GB KiB MiB GiB)"),
    (Rate, 10e6, "delay: 1e+07 has no unit; write '10Mbps' (bps kbps Mbps Gbps Tbps)"),
    (Time, 0.01, "delay: 0.01 has no unit; write '10ms' (ns us ms s)"),
    (Bytes, "1500", "delay: 1500 has no unit; write '1.5kB' (B kB MB GB KiB MiB GiB)"),
    (Bytes, "1mb", "delay: 'mb' is not a unit of size (B kB MB GB KiB MiB GiB); did you mean "
                   "'MB'?"),
    (Rate, "10Mb/s", "delay: 'Mb/s' is not a unit of rate (bps kbps Mbps Gbps Tbps); did you mean "
                     "'Mbit/s'?"),
    (Ratio, 1, "delay: 1 has no unit; write 1% or 100% (below 1, or 0%..100%)"),
    (Ratio, "1.5", "delay: 1.5 has no unit; write 1.5% (below 1, or 0%..100%)"),
    (Ratio, "150%", "delay: 150% is above 1 (0..1)"),
    (Time, "-1ms", "delay: -1ms is below 0 (0 or more s)"),
    (Time, "soon", "delay: 'soon' is not a time (ns us ms s)"),
])
def test_refuses(kind: type[Quantity], value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind(value, "delay")
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", TYPES)
@given(number=st.floats(min_value=1e-6, max_value=1e15, allow_subnormal=False))
def test_a_bare_number_is_refused_and_a_printed_value_reads_back(kind: type, number: float) -> None:
    with pytest.raises(ConfigError):
        kind(number)
    value = kind(f"{number!r}{kind.shown[-1]}")
    assert float(kind(str(value))) == pytest.approx(float(value), rel=1e-11)


@given(ns=st.integers(min_value=0, max_value=10**15))
def test_nanoseconds_are_exact(ns: int) -> None:
    assert Time(f"{ns}ns").ns == ns


@given(factor=st.floats(min_value=0, max_value=100))
def test_quantities_scale_and_keep_their_type(factor: float) -> None:
    scaled = Rate("1Gbps") * factor
    assert isinstance(scaled, Rate) and float(scaled) == 1e9 * factor


def test_arithmetic() -> None:
    assert Rate("1Gbps") / Rate("100Mbps") == 10
    assert str(Time("10ms") + Time("5ms")) == "15ms"
    assert str(Rate("1Gbps") * 0.9) == "900Mbps"
    with pytest.raises(ConfigError):
        Time("1s") + Bytes("1B")
    with pytest.raises(ConfigError):
        Time(Bytes("1B"), "delay")


@pytest.mark.parametrize("value", [True, None, [1], math.nan, "nanms"])
def test_nonsense_is_refused(value: object) -> None:
    with pytest.raises(ConfigError):
        Time(value, "delay")


def test_choice_carries_its_words() -> None:
    assert Choice["cubic", "reno"].choices == ("cubic", "reno")
    assert Choice["one"].choices == ("one",)


def test_results_come_back_as_quantities() -> None:
    assert str(quantity(94.3e6, "bit/s")) == "94.3Mbps"
    assert quantity(5.0, "segments") == 5.0
    assert isinstance(quantity(-1.0, "s"), float)
