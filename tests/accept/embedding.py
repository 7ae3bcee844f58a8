"""The stack under somebody else's clock: its C interface, and the scripts played through it."""

from __future__ import annotations

from promise import PYTHON, ROOT, Answer, Promise, modules, run, twinpath

SUITE = "tests/python/test_embedding.py"
SCRIPTS = str(ROOT / "tests" / "scripts" / "tcp")
SCRIPTS_MIN = 300
LEFT_OUT_MAX = 3
NEAR_WRAP = "4294967040"
REAL_TIME_S = "20"  # longest script over net_ring


def abi(quick: bool) -> Answer:
    """Header, example, installation, and every bad argument a defined error."""
    ran = run([PYTHON, "-m", "pytest", "-q", SUITE], env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    return Answer(closing, [] if ran.code == 0 else [f"pytest ended {ran.code}: {ran.tail}"])


def scripts(quick: bool) -> Answer:
    """Every script in virtual time and in ns-3, near the wrap too; short ones on net_ring."""
    answer = Answer("")
    for name, options in (
        ("fake", []),
        ("wrap", ["--peer-isn", NEAR_WRAP]),
        ("ns3", ["--under", "ns3"]),
        ("net_ring", ["--under", "net_ring", "--at-most", "0.3" if quick else REAL_TIME_S]),
    ):
        ran = twinpath("script", SCRIPTS, *options, "--json", cwd=ROOT)
        said = ran.json
        passed, left_out = said.get("passed", 0), said.get("left_out", 0)
        answer.measured += f"{name} {passed} passed, {left_out} left out; "
        if ran.code != 0:
            answer.complaints += failures(name, said) or [f"{name} ended {ran.code}: {ran.tail}"]
        # Three take hours: keepalive as it is by default, and its like.
        if left_out > (LEFT_OUT_MAX if name == "net_ring" else 0) and not quick:
            answer.complaints.append(f"{name}: {left_out} scripts left out")
        if passed + left_out < SCRIPTS_MIN:
            answer.complaints.append(f"{name}: {passed + left_out} scripts, not {SCRIPTS_MIN}")
    return answer


def failures(name: str, said: dict) -> list[str]:
    return [
        f"{name}: {script['path']}:{script['line']}: {script['message']}"
        for script in said.get("scripts", [])
        if script["status"] in ("failed", "bad")
    ]


PROMISES = (
    Promise(
        "abi",
        f"pytest {SUITE}",
        "the header compiles as C89, C11 and C++; the example transfers; every problem of a "
        "configuration at once; every bad argument a defined error; the same seed, the same bytes",
        abi,
    ),
    Promise(
        "scripts",
        "./twinpath script tests/scripts/tcp [--under ns3|net_ring]",
        f"at least {SCRIPTS_MIN} scripts, all of them pass in each driver, and near the wrap of "
        "sequence numbers",
        scripts,
    ),
)
