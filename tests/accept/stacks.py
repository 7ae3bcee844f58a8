"""Stacks as objects: code in blocking style, a foreign stack, many instances in one process."""

from __future__ import annotations

import re

from promise import PYTHON, ROOT, Answer, Promise, gtest, modules, run, scratch, twinpath

EXAMPLE = "tests/python/test_native.py"
ENGINE = (("unit_tests", "MtcpEngine.*:MtcpJobs.*:MtcpRssPorts.*:StackSocketsTest.*", 23),
          ("sim_tests", "EngineCores.*", 3), ("emu_tests", "CoreThreads.*", 4))
MATRIX = ("tests/interop/test_matrix.py", "tests/interop/test_stacks.py")
TRANSFER = "tests/interop/test_transfer.py"
TASKS_MIN, LWIP_MIN, TWINS_MIN = 8, 29, 2


def suite(program: str, tests: str, least: int, answer: Answer) -> None:
    """Named tests of a program; so many must have run and none been skipped."""
    ran, count = gtest(program, tests)
    answer.measured += f"{program} {tests}: {count} tests; "
    if ran.code != 0:
        answer.complaints.append(f"{program} ended {ran.code}: {ran.tail}")
    if count < least:
        answer.complaints.append(f"{program}: {count} tests ran, not {least}")


def coroutines(quick: bool) -> Answer:
    answer = Answer("")
    suite("unit_tests", "Task.*", TASKS_MIN, answer)
    suite("twin_tests", "Twin.TasksInBlockingStyle", 1, answer)
    ran = run([PYTHON, "-m", "pytest", "-q", EXAMPLE, "-k", "examples and own_tasks"],
              env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    answer.measured += closing
    if ran.code != 0 or "1 passed" not in closing:
        answer.complaints.append(f"the example ended {ran.code}: {ran.tail}")
    return answer


def lwip(quick: bool) -> Answer:
    answer = Answer("")
    suite("lwip_tests", "*", LWIP_MIN, answer)
    suite("twin_tests", "Twin.*wip*", TWINS_MIN, answer)
    prints = []
    for _ in range(2):
        ran = twinpath("run", "web_transfer", "-p", "server_stack=lwip", "-p", "loss=1%", "--json",
                       cwd=ROOT)
        prints.append(ran.json.get("fingerprint"))
        if ran.code != 0:
            answer.complaints.append(f"web_transfer over lwIP ended {ran.code}: {ran.tail}")
    answer.measured += f"fingerprints {prints[0]} {prints[1]}"
    if prints[0] != prints[1]:
        answer.complaints.append("two runs of one seed differ")
    return answer


def engine(quick: bool) -> Answer:
    answer = Answer("")
    for program, tests, least in ENGINE:
        suite(program, tests, least, answer)
    return answer


def interop(files: tuple[str, ...], quick: bool, only: str = "") -> Answer:
    """Tests against other stacks, whole ones; nothing of it skipped."""
    command = [PYTHON, "-m", "pytest", "-q", *files, *(["-k", only] if only else []),
               *([] if quick else ["--whole"])]
    ran = run(command, env=modules(), timeout_s=4 * 3600)
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    answer = Answer(closing)
    if ran.code != 0:
        answer.complaints.append(f"pytest ended {ran.code}: {ran.tail}")
    if re.search(r"\b[1-9]\d* skipped", closing):
        answer.undecided = "not all of it can run here"
    return answer


def mixed(quick: bool) -> Answer:
    """The scenario with three kinds of stacks, twice in ns-3, once over rings; no byte wrong."""
    answer, prints = Answer(""), []
    for options in ([], [], ["--driver", "emu", "--testbed", "net_ring"]):
        with scratch("mixed") as folder:
            ran = twinpath("run", "mixed_stacks", *options, "--json", cwd=folder)
        if ran.code == 4:
            answer.undecided = f"over net_ring: {ran.tail}"
        elif ran.code != 0:
            answer.complaints.append(f"mixed_stacks {options} ended {ran.code}: {ran.tail}")
        prints.append(ran.json.get("fingerprint"))
    answer.measured = f"fingerprints {prints[:2]}"
    if prints[0] != prints[1] or prints[0] is None:
        answer.complaints.append("two runs of one seed differ")
    return answer


def matrix(quick: bool) -> Answer:
    return interop(MATRIX, quick)


def transfer(quick: bool) -> Answer:
    return interop((TRANSFER,), quick, "every_byte")


PROMISES = (
    Promise(
        "engine",
        "; ".join(f"{program} --gtest_filter='{tests}'" for program, tests, _ in ENGINE),
        "batched turns, job queues between application and stack, one thread or two per core in "
        "both drivers; every trick off serves too; equal seeds send equal frames; answers come to "
        "the core that connects; cores share a port",
        engine,
    ),
    Promise(
        "coroutines",
        "unit_tests --gtest_filter='Task.*'; twin_tests; pytest test_native.py -k own_tasks",
        "blocking style in tasks: bounded, cancelled by close, no allocation per await; frames "
        "equal over the fake network, ns-3 and net_ring; the example in both drivers",
        coroutines,
    ),
    Promise(
        "lwip",
        "lwip_tests; twin_tests --gtest_filter='Twin.*wip*'; twinpath run web_transfer "
        "-p server_stack=lwip",
        "Debian's lwIP behind the same sockets and messages, one private copy per host; it talks "
        "to ours in both parts, frames equal over three drivers; 100 hosts of ours and 4 of lwIP "
        "in one process unchanged by each other; equal seeds give equal fingerprints",
        lwip,
    ),
    Promise(
        "mixed",
        "./twinpath run mixed_stacks [--driver emu --testbed net_ring]",
        "our stack, lwIP and ns-3's TcpSocket in one simulation, each sending to both others; "
        "ours and lwIP over net_ring; equal seeds give equal fingerprints",
        mixed,
    ),
    Promise(
        "matrix",
        f"pytest {' '.join(MATRIX)} --whole",
        "every combination of cubic, reno, bbr, timestamps, SACK, ECN, IPv4 and IPv6, who sends, "
        "who opens, and seven paths, against Linux, lwIP and ns-3's TcpSocket as far as each goes: "
        "the bytes, both ends' TCP_INFO, and the segments are what was asked for",
        matrix,
        long=True,
    ),
    Promise(
        "transfer",
        f"pytest {TRANSFER} --whole",
        "100 MB each way against Linux byte-exact at loss 0, 0.1, 1 and 5 %, reorder, duplicate, "
        "corrupt",
        transfer,
        long=True,
    ),
)
