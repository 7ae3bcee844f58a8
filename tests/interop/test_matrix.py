"""Our TCP and Linux's, whatever they negotiate: algorithm, timestamps, SACK, ECN, IPv4 and IPv6,
each end sending, each end opening, over clean paths and bad ones. The bytes must arrive, both ends
must say that what was asked for is what is in use, and so must the segments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from cases import COVERING, EVERY, FIELDS, VALUES, Case, covering, pairs
from conftest import no_namespaces
from paths import codepoint
from talk import Bed, Talk, talk

from twinpath import linux_peer
from twinpath.script.wire import BadPacket, Segment, read_packet

SIZE = 1_000_000
ETHERNET = 14
# tcpi_options
TIMESTAMPS, SACK, SCALES, ECN = 1, 2, 4, 8
ECT0, CE = 2, 3


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = EVERY if metafunc.config.getoption("--whole") else COVERING
        metafunc.parametrize("case", cases, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def machine() -> None:
    """Less than the other tests here need."""
    if reason := no_namespaces():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    with ExitStack() as stack:
        yield Bed(stack)


def content_digest(size: int) -> str:
    digest = hashlib.sha256()
    for offset in range(0, size, linux_peer.PIECE):
        digest.update(linux_peer.content(offset, min(linux_peer.PIECE, size - offset)))
    return digest.hexdigest()


DIGEST = content_digest(SIZE)


def segments(frames: list[bytes]) -> list[tuple[bytes, Segment]]:
    """Frames with what they carry, without those the path damaged."""
    found = []
    for frame in frames:
        try:
            _, body = read_packet(frame[ETHERNET:])
        except BadPacket:
            continue
        assert isinstance(body, Segment)
        found.append((frame, body))
    return found


def has(segment: Segment, kind: str) -> bool:
    return any(option[0] == kind for option in segment.options)


def asked(case: Case) -> int:
    """As bits of tcpi_options."""
    return (SCALES | (TIMESTAMPS if case.timestamps else 0) | (SACK if case.sack else 0)
            | (ECN if case.ecn else 0))


def check_ends(case: Case, said: Talk) -> None:
    sink = said.them if case.sender == "us" else said.us
    assert sink.digest == DIGEST
    for end in (said.us, said.them):
        assert end.info["tcpi_options"] & 15 == asked(case)
    assert said.us.congestion == case.congestion
    assert (said.us if case.sender == "us" else said.them).congestion == case.congestion


def check_opening(case: Case, ours: Segment, theirs: Segment) -> None:
    opens, answers = (ours, theirs) if case.opener == "us" else (theirs, ours)
    assert ("S" in opens.flags and "." not in opens.flags) and "S" in answers.flags
    for one in (ours, theirs):
        assert has(one, "TS") == case.timestamps
        assert has(one, "sackOK") == case.sack
        assert has(one, "wscale") and has(one, "mss")
    assert ("E" in opens.flags and "W" in opens.flags) == case.ecn
    assert ("E" in answers.flags) == case.ecn and "W" not in answers.flags


def check_options(case: Case, stream: list[Segment]) -> None:
    """RFC 7323 §3.2: on every segment, or on none. RFC 2018 §3: only where permitted."""
    for one in stream:
        assert has(one, "TS") == case.timestamps or "R" in one.flags, one
        assert case.sack or not has(one, "sack")


def check_marks(case: Case, stream: list[tuple[bytes, Segment]]) -> None:
    """RFC 3168 §6.1: new data may be marked; what is sent again, and bare acknowledgements, not."""
    end: int | None = None
    for frame, one in stream:
        if not one.payload or end is None:
            assert codepoint(frame) == 0, one
            end = one.seq + 1 if "S" in one.flags else end
            continue
        is_new = (one.seq - end) & 0xffffffff < 1 << 31
        assert codepoint(frame) == (ECT0 if case.ecn and is_new else 0), one
        if is_new:
            end = (one.seq + len(one.payload)) & 0xffffffff


def check_reports(case: Case, said: Talk, ours: list[Segment], theirs: list[Segment]) -> None:
    """Who has holes tells of them; who sees marks tells, and is heard."""
    reports, sender = (theirs, ours) if case.sender == "us" else (ours, theirs)
    hits = said.hits[0 if case.sender == "us" else 1]
    if case.profile != "clean":
        assert hits > 0, "the path did nothing"
    if case.sack and case.profile in ("loss_1", "loss_5", "reorder"):
        assert any(has(one, "sack") for one in reports)
    if case.profile == "marked":
        assert any("E" in one.flags for one in reports[1:])
        assert any("W" in one.flags for one in sender[1:])
    if case.profile == "loss_5" and case.sender == "us":
        assert said.us.info["tcpi_total_retrans"] >= hits / 2


def test_talk(case: Case, bed: Bed) -> None:
    said = talk(bed, case, SIZE, seed=1 + EVERY.index(case))
    ours, theirs = segments(said.sent), segments(said.received)
    assert len(ours) == len(said.sent), "every frame of ours is well formed"
    check_ends(case, said)
    check_opening(case, ours[0][1], theirs[0][1])
    check_options(case, [one for _, one in ours])
    check_marks(case, ours)
    check_reports(case, said, [one for _, one in ours], [one for _, one in theirs])
    print(f"{case.name}: {said.seconds:.2f} s")


@pytest.mark.parametrize("side", ["us", "them"])
@pytest.mark.parametrize("option", ["timestamps", "sack", "ecn"])
@pytest.mark.parametrize("opener", ["us", "them"])
def test_an_option_of_one_side_only_is_not_used(option: str, side: str, opener: str,
                                                bed: Bed) -> None:
    everything = {"timestamps": True, "sack": True, "ecn": True}
    less = {**everything, option: False}
    ours, theirs = (everything, less) if side == "us" else (less, everything)
    case = Case("cubic", **ours, family="v4", sender="us", opener=opener, profile="loss_1")
    said = talk(bed, case, SIZE, seed=5, linux=theirs)
    assert said.them.digest == DIGEST
    both = asked(Case("cubic", **less, family="v4", sender="us", opener=opener, profile="clean"))
    assert said.us.info["tcpi_options"] & 15 == said.them.info["tcpi_options"] & 15 == both


def test_the_small_part_has_every_pair() -> None:
    wanted = set().union(*map(pairs, EVERY))
    assert set().union(*map(pairs, COVERING)) == wanted
    assert covering(EVERY) == COVERING
    assert len(COVERING) < 40 < len(EVERY) and set(FIELDS) == set(VALUES)
