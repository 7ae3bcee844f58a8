"""Protocol scripts: every one of ours passes, wrong ones fail at their line, and the command line
says which."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from conftest import ROOT, Ran
from twinpath.errors import TwinpathError
from twinpath.script import grammar
from twinpath.script.abi import library_path
from twinpath.script.model import Call, Packet, ScriptError, Tcp
from twinpath.script.play import play
from twinpath.script.runner import Outcome, Settings, run_file, run_text

SCRIPTS = sorted((ROOT / "tests" / "scripts").rglob("*.pkt"))
SCRIPTS_MIN = 150
NEAR_WRAP = 0xffffff00
LISTENING = """0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0.1 < S 0:0(0) win 65535 <mss 1000>
"""
ESTABLISHED = LISTENING + """+0 > S. 0:0(0) ack 1 <...>
+0.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
"""


def played(text: str, **settings: object) -> Outcome:
    return run_text("text.pkt", text, Settings(**settings))


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= SCRIPTS_MIN


@pytest.mark.parametrize("peer_isn", [0, NEAR_WRAP], ids=["isn0", "wrap"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_passes(path: Path, peer_isn: int) -> None:
    outcome = run_file(str(path), Settings(peer_isn=peer_isn))
    assert outcome.status == "passed", str(outcome)


def needs(under: str) -> None:
    """Skips where that driver is not built."""
    try:
        library_path(under)
    except TwinpathError as error:
        pytest.skip(str(error))


def test_every_script_passes_in_ns3() -> None:
    needs("ns3")
    said = [o for o in play(list(map(str, SCRIPTS)), Settings("ns3")) if o.status != "passed"]
    assert not said, "\n".join(map(str, said))


def test_short_scripts_pass_over_net_ring() -> None:
    needs("net_ring")
    outcomes = list(play(list(map(str, SCRIPTS)), Settings("net_ring", at_most_s=0.35)))
    wrong = [o for o in outcomes if o.status not in ("passed", "left_out")]
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(o.status == "passed" for o in outcomes) >= 20


def test_every_script_says_what_it_tests() -> None:
    for path in SCRIPTS:
        title = path.read_text().splitlines()[0]
        assert title.startswith(f"// {path.stem} ") and " | RFC" in title, path


@pytest.mark.parametrize("line", [
    "+0 > S. 0:0(0) ack 2 <...>", "+0 > S. 0:9(9) ack 1 <...>", "+0 > . 0:0(0) ack 1 <...>",
    "+0 > S. 0:0(0) ack 1 <mss 999>", "+0 > S. 0:0(0) ack 1 <nop,nop,mss 1460>",
    "+0.5 > S. 0:0(0) ack 1 <...>", "+0 accept(3, ..., ...) = 4",
    "+0 > S. 0:0(0) ack 1 win 7 <...>", "+0 > udp (10)", "+0 > icmp echo_reply",
    "+0 > [ce] S. 0:0(0) ack 1 <...>", "+0 > [ttl 63] S. 0:0(0) ack 1 <...>",
    "+0 > S. 0:0(0) ack 1 urg 5 <...>", "+0 > 8081 > 40000 S. 0:0(0) ack 1 <...>",
    "+0 close(9) = 0", "+0 getsockopt(3, SOL_SOCKET, SO_TYPE, [2], [4]) = 0",
])
def test_a_wrong_expectation_fails_at_its_line(line: str) -> None:
    outcome = played(LISTENING + line + "\n")
    assert outcome.status == "failed" and outcome.line == 5, str(outcome)


def test_silence_is_noticed() -> None:
    expected = "+0 > S. 0:0(0) ack 1 <...>\n"
    outcome = played(LISTENING + expected + expected)
    assert outcome.line == 6 and "nothing was sent" in outcome.message


def test_a_failure_prints_both_segments() -> None:
    outcome = played(LISTENING + "+0 > S. 0:0(0) ack 1 win 9 <mss 1460>\n")
    assert "sent:     > S. 0:0(0) ack 1 win 65535 <mss 1460>" in outcome.message
    assert "expected: > S. 0:0(0) ack 1 win 9 <mss 1460>" in outcome.message


@pytest.mark.parametrize(("text", "line", "column", "word"), [
    ("+0 nonsense\n", 1, 12, "'('"), ("0 socket(..., SOCK_STREAM, 0) = 3\n+0 < S 0:5(4)\n", 2, 8,
                                      "5 bytes, not 4"),
    ("--init_scripts=x.sh\n+0 listen(3, 5) = 0\n", 1, 1, "init_scripts"),
    ("`ip link set eth0 down`\n+0 listen(3, 5) = 0\n", 1, 1, "commands are not run"),
    ("`sysctl -q net.ipv4.tcp_dsack=0`\n+0 listen(3, 5) = 0\n", 1, 1, "tcp_dsack"),
    ("+0 < S 0:0(0) win 5 <mss 1, dog>\n", 1, 29, "an option"), ("", 1, 1, "nothing to run"),
    ("* < S 0:0(0) win 5\n", 1, 1, "any time"), ("+0.2~+0.1 > . 1:1(0) ack 1\n", 1, 1, "window"),
    ("+0 < . 1:1(0) win 5\n", 1, 20, "ack"), ("--mtu\n--no_such=1\n+0 close(3) = 0\n", 2, 1,
                                              "no such option"),
])
def test_a_bad_script_is_told_with_its_place(text: str, line: int, column: int, word: str) -> None:
    outcome = played(text)
    assert outcome.status == "bad" and word in outcome.message, str(outcome)
    assert (outcome.line, outcome.column) == (line, column), str(outcome)


def test_every_cut_of_a_script_is_bad_or_plays() -> None:
    """No text is a traceback."""
    whole = SCRIPTS[0].read_text() + SCRIPTS[-1].read_text()
    for end in range(0, len(whole), 3):
        assert played(whole[:end]).status in ("passed", "failed", "bad")


def test_the_grammar_reads_what_packetdrill_writes() -> None:
    script = grammar.parse(
        "--ip_version=ipv4 --mtu=1400\n`sysctl -q net.ipv4.tcp_ecn=1`\n"
        "+.1~+.2 < [ect0,ttl 3] 5 > 6 SEW 0:0(0) win 9 urg 4 "
        "<mss 1000,sackOK,TS val 1 ecr 0,nop,wscale 7,FO 0102,eol>\n"
        "+0...0.1 read(4, \"ab\\n\", 3) = -1 EAGAIN (Resource temporarily unavailable) # note\n"
        "/* a comment */ 0x1F~0x20\n".replace("0x1F~0x20\n", "")
        + "+0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=0},"
        " MSG_MORE|MSG_PEEK) = 9\n")
    segment, read, message = (event.what for event in script.events)
    assert isinstance(segment, Packet) and isinstance(segment.body, Tcp)
    assert segment.body.flags == "SEW" and segment.ports == (5, 6) and segment.ip.ttl == 3
    assert [kind for kind, _, _ in segment.body.options or ()] == [
        "mss", "sackOK", "TS", "nop", "wscale", "FO", "eol"]
    assert isinstance(read, Call) and read.arguments[1] == b"ab\n" and read.error == "EAGAIN"
    assert script.events[0].when.last_ns == 200_000_000
    assert script.events[1].when.done_ns == 100_000_000
    assert isinstance(message, Call) and script.settings == [("tcp.ecn", "request")]
    with pytest.raises(ScriptError, match="20 bytes"):
        grammar.parse("+0 < . 1:21(19) ack 1 win 5\n")


def test_marks_are_said_in_any_of_packetdrills_ways() -> None:
    opened = ESTABLISHED.replace("< S 0:0(0)", "< SEW 0:0(0)").replace("> S. 0:0(0)",
                                                                      "> SE. 0:0(0)")
    for mark, status in (("[ect0]", "passed"), ("[ECN = ect0]", "passed"), ("[ect01]", "passed"),
                         ("(ect01)", "passed"), ("[ect1]", "failed"), ("[ce]", "failed")):
        script = opened + f"+0 write(4, ..., 9) = 9\n+0 > {mark} P. 1:10(9) ack 1\n"
        assert played(script).status == status, mark


def test_a_call_may_block() -> None:
    blocking = ESTABLISHED + "+0...0.3 read(4, ..., 100) = 10\n+0.3 < P. 1:11(10) ack 1 win 9\n"
    assert played(blocking).status == "passed", str(played(blocking))
    early = played(blocking.replace("0...0.3", "0...0.6"))
    assert early.status == "failed" and "returned at" in early.message
    never = played(ESTABLISHED + "+0...0.3 read(4, ..., 100) = 10\n")
    assert never.status == "failed" and "did not return" in never.message


def test_sequence_numbers_are_relative_to_the_syn() -> None:
    text = LISTENING.replace("S 0:0(0)", "S 123:123(0)") + """+0 > S. 0:0(0) ack 124 <...>
+0.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0.1 < P. 1:11(10) ack 1 win 65535
+0~+0.5 > . 1:1(0) ack 11
"""
    assert played(text).status == "passed", str(played(text))
    assert played(text, peer_isn=NEAR_WRAP).status == "passed"


def test_a_long_segment_stands_for_a_run() -> None:
    text = ESTABLISHED + "+0.1 write(4, ..., 4000) = 4000\n+0 > P. 1:4001(4000) ack 1\n"
    assert played(text).status == "passed", str(played(text))
    assert played("--strict_segments\n" + text).status == "failed"
    assert played(text.replace("1:4001(4000)", "1:3501(3500)")).status == "failed"


def test_checks_ask_tcp_info() -> None:
    asked = played(ESTABLISHED + "+0 %{ assert tcpi_snd_cwnd == 10 and tcpi_state == 1\n"
                                 "print(tcpi_snd_mss) }%\n")
    assert asked.status == "passed" and asked.said == ["1000"], str(asked)
    wrong = played(ESTABLISHED + "+0 %{ assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd }%\n")
    assert wrong.line == 8 and "tcpi_snd_cwnd = 10" in wrong.message


@pytest.mark.parametrize("code", [
    "__import__('os').system('true')", "assert (1).__class__", "x = 1", "assert open('a')",
    "assert [c for c in 'ab']", "import os", "assert 'a' * 9999999", "assert tcpi_nothing", "(",
])
def test_a_check_runs_nothing_else(code: str) -> None:
    assert played(ESTABLISHED + f"+0 %{{ {code} }}%\n").status == "failed"


def test_settings_reach_the_host() -> None:
    text = "`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0`\n--set=tcp.mss_bytes=1200\n" \
           + LISTENING.replace("mss 1000", "mss 1000,sackOK,TS val 1 ecr 0") \
           + "+0 > S. 0:0(0) ack 1 <mss 1200>\n"
    assert played(text).status == "passed", str(played(text))
    refused = played("--set=tcp.sack=perhaps --set=tcp.nothing=1\n" + LISTENING)
    assert refused.status == "bad" and "perhaps" in refused.message and "nothing" in refused.message
    assert not refused.message.startswith("line")


def test_the_command_line(cli: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "good.pkt").write_text(LISTENING)
    (tmp_path / "fails.pkt").write_text(LISTENING + "+0 > R 0:0(0)\n")
    (tmp_path / "bad.pkt").write_text("+0 ?\n")
    assert cli("script", "good.pkt").code == 0
    failed = cli("script", "good.pkt", "fails.pkt", "--json")
    assert failed.code == 1 and failed.json["passed"] == 1 and failed.json["failed"] == 1
    assert failed.json["scripts"][1]["line"] == 5
    assert cli("script", ".").code == 2
    assert cli("script", "missing.pkt").code == 2
    assert cli("script", "good.pkt", "--under", "moon").code == 2
    wrong = cli("script", "good.pkt", "--set", "tcp.nagle=off", "--set", "tcp.sack=perhaps",
                "--set", "tcp.nothing=1", "--set", "foo", "--json")
    assert wrong.code == 2
    assert {(p["field"], p["value"]) for p in wrong.json["problems"]} == {
        ("--set 2", "tcp.sack=perhaps"), ("--set 3", "tcp.nothing=1"), ("--set 4", "foo")}
    near = cli("script", "good.pkt", "--set", "tcp.nagel=off")
    assert near.code == 2 and "did you mean 'tcp.nagle'" in near.err
    verbose = cli("script", "-v", "good.pkt")
    assert verbose.code == 0 and "listen(3, 5) = 0" in verbose.out
