"""Every rule fires on a bad sample and is silent on the good one beside it."""

from __future__ import annotations

import pytest
import tidy
from tree import RULES, Tree

HEADER = "// What it is.\n#pragma once\n"
UNDONE = "TO" + "DO"
LONG_BODY = "".join(f"  x += {i};\n" for i in range(70))
DEEP = "if (a) { for (;;) { while (b) { if (c) { if (d) { e(); } } } } }"

# rule, path, bad text, good text
SAMPLES = [
    ("line_length", "models/a.cc", "// " + "x" * 98, "// " + "x" * 97),
    ("line_length", "bindings/twinpath/a.py", '"""' + "x" * 98, '"""' + "x" * 97),
    ("file_length", "models/a.h", "\n" * 201, "\n" * 200),
    ("file_length", "models/a.cc", "\n" * 501, "\n" * 500),
    ("file_length", "tests/unit/a_test.cc", "\n" * 801, "\n" * 800),
    ("opening_comment", "models/a.cc", "int f();", "// Why.\nint f();"),
    ("opening_comment", "scenarios/a.py", "import twinpath", '"""Why."""\nimport twinpath'),
    ("pragma_once", "models/a.h", "// What.\n", HEADER),
    ("unfinished", "models/a.cc", f"// {UNDONE} later", "// Done."),
    ("unfinished", "bindings/a.py", f"# {UNDONE}: later", f'"""{UNDONE} in a string."""'),
    ("machine_path", "docs/a.md", "see /" + "work/x", "see docs/work/x"),
    ("suppression", "models/a.cc", "int x;  // NO" + "LINT", "int x;"),
    ("commented_out_code", "models/a.cc", "// send(frame);", "// Sends the frame."),
    ("banner", "models/a.cc", "// ------", "// A dash - here."),
    ("rfc_citation", "models/a.cc", "// RFC793", "// RFC 9293 §3.10.7"),
    ("rfc_citation", "models/a.cc", "// rfc 6298 §2", "// RFC 6298 §2"),
    ("rfc_citation", "models/a.cc", "// RFC 6298 section 5", "// see RFC 6298."),
    ("rfc_citation", "models/a.cc", "// RFC 6298, §5", "// RFC 6298 §5.1, which"),
    ("rfc_citation", "docs/a.md", "RFC 6298 (2.3)", "RFC 6298 §2.3"),
    ("deviation", "models/a.cc", "// We deviate here.", "// Deviates from RFC 6298 §2.4: why"),
    ("include_direction", "models/a.cc", "#include <ns3/node.h>", "#include <vector>"),
    ("include_direction", "models/a.cc", "#include <iostream>", "#include <span>"),
    ("include_direction", "models/a.cc", "#include <sys/socket.h>", "#include <atomic>"),
    ("include_direction", "sim/a.cc", "#include <ns3/core-module.h>", "#include <ns3/object.h>"),
    ("include_direction", "sim/a.cc", "#include <rte_mbuf.h>", "#include <ns3/node.h>"),
    ("include_direction", "emu/a.cc", "#include <ns3/node.h>", "#include <rte_mbuf.h>"),
    ("include_direction", "analysis/store/a.cc", "#include <rte_eal.h>", "#include <sqlite3.h>"),
    ("include_direction", "bindings/sim/a.cc", "#include <rte_eal.h>", "#include <ns3/node.h>"),
    ("include_direction", "bindings/emu/a.cc", "#include <ns3/node.h>", "#include <rte_eal.h>"),
    ("include_direction", "bindings/bridge/a.cc", "#include <rte_eal.h>", "#include <ns3/node.h>"),
    ("include_direction", "tests/unit/a.cc", "#include <ns3/node.h>", "#include <gtest/gtest.h>"),
    ("include_direction", "loose/a.cc", "", None),
    ("feature_switch", "models/a.cc", "#ifdef TESTING\n#endif", "#define CHECK(x) (x)"),
    (
        "mutable_global",
        "models/a.cc",
        "namespace t {\nint counter = 0;\n}",
        "constexpr int kA = 0;",
    ),
    ("mutable_global", "models/a.cc", "int f() {\n static int n;\n return n; }", "int f();"),
    (
        "mutable_global",
        "models/a.h",
        "struct A { static inline int n = 0; };",
        "struct A { int n; };",
    ),
    ("function_length", "models/a.cc", f"int f() {{\n{LONG_BODY}}}", "int f() {\n  x += 1;\n}"),
    (
        "function_nesting",
        "models/a.cc",
        f"int f() {{ {DEEP} }}",
        "int f() { if (a) { b({{1}}); } }",
    ),
    ("parameter_count", "models/a.h", "int f(A, B, C, D, E, F);", "int f(A, B, C, D, E);"),
    (
        "parameter_count",
        "sim/a.h",
        "int f(A, B, C, D, E, F);",
        "int f(ns3::Ptr<ns3::NetDevice>, B, C, D, E, F);",
    ),
    (
        "adjacent_parameters",
        "sim/a.cc",
        "void on_cwnd(int a, int b) {}",
        "void on_cwnd(int a, int b) {}\nauto c = ns3::MakeCallback(&on_cwnd);",
    ),
    ("adjacent_parameters", "models/a.h", "void f(int a, int b);", "void f(int a, long b);"),
    (
        "adjacent_parameters",
        "models/a.h",
        "int f(std::uint32_t, uint32_t);",
        "bool f(int a, int b);",
    ),
    ("names", "models/a.cc", "int getRoom() {}", "int get_room() {}"),
    ("names", "models/a.cc", "struct packet_buf { int len; };", "struct PacketBuf { int len; };"),
    ("names", "models/PacketBuf.cc", "", None),
    (
        "python_function",
        "bindings/a.py",
        "def f(a, b, c, d, e, g):\n  pass",
        "def f(a, *, b, c):\n  pass",
    ),
    ("python_types", "bindings/a.py", "def f(a):\n  pass", "def f(a: int):\n  pass"),
    ("python_bare_except", "bindings/a.py", "try:\n  f()\nexcept:\n  g()", "f()"),
    ("python_imports", "bindings/twinpath/a.py", "import _sim", "import json"),
    ("python_imports", "scenarios/a.py", "import numpy", "import twinpath as tp"),
    ("python_syntax", "docs/a.py", "def f(:", "x = 1"),
    ("dead_python", "bindings/twinpath/lost.py", "x = 1", '#!/usr/bin/python3\n"""Why."""'),
    ("dead_header", "models/a.h", HEADER, None),
]
BANNED = [
    ("models/a.cc", "auto t = std::chrono::steady_clock::now();", "Instant next = now + delay;"),
    ("models/a.cc", "int r = rand();", "int r = rng.below(6);"),
    ("models/a.cc", "std::random_device seed;", "Rng random(seed);"),
    ("models/a.cc", "std::exponential_distribution<> d;", "exponential(rng);"),
    ("models/a.cc", "usleep(1);", "asleep(1);"),
    ("models/a.cc", 'getenv("X");', "config.x;"),
    ("models/a.cc", 'printf("x");', "publish(x);"),
    ("models/a.cc", "std::cout << 1;", "return 1;"),
    ("models/a.cc", "std::thread t;", "Stage t;"),
    ("models/a.cc", "volatile int x;", "std::atomic<int> x;"),
    ("models/a.cc", "y = std::pow(x, 2);", "y = x * x;"),
    ("models/a.cc", "__rdtsc();", "charged(now, cost);"),
    ("sim/a.cc", 'Config::SetDefault("a", b);', 'Config::SetDefaultFailSafe("a", b);'),
    ("sim/a.cc", 'node->SetAttribute("a", b);', 'node->SetAttributeFailSafe("a", b);'),
    ("bindings/sim/a.cc", 'Config::Set("a", b);', 'Config::SetFailSafe("a", b);'),
    ("emu/a.cc", "assert(x);", "static_assert(x);"),
    ("emu/a.cc", "malloc(3);", "pool.take();"),
    ("tests/unit/a.cc", "GTEST_SKIP();", 'GTEST_SKIP() << "no root";'),
]
WALKS = (
    "#include <unordered_map>\nstd::unordered_map<int, int> flows_;\n",
    "for (auto& flow : flows_) f(flow);",
    "for (auto& flow : sorted(flows_)) f(flow);",
)


def fires(rule: str, path: str, text: str) -> bool:
    return any(f.path == path for f in RULES[rule](Tree.of_texts({path: text})))


@pytest.mark.parametrize("rule, path, bad, good", SAMPLES)
def test_rule_tells_bad_from_good(rule: str, path: str, bad: str, good: str | None) -> None:
    assert fires(rule, path, bad)
    if good is not None:
        assert not fires(rule, path, good)


@pytest.mark.parametrize("path, bad, good", BANNED)
def test_banned_call_names_its_replacement(path: str, bad: str, good: str) -> None:
    said = list(RULES["banned_calls"](Tree.of_texts({path: bad})))
    assert said and ": use " in said[0].message
    assert not fires("banned_calls", path, good)


def test_a_comment_or_string_is_not_a_call() -> None:
    assert not fires("banned_calls", "models/a.cc", '// rand();\nauto s = "printf(1)";')


def test_walking_a_hash_table_is_found() -> None:
    head, bad, good = WALKS
    assert fires("unordered_iteration", "models/a.cc", head + bad)
    assert not fires("unordered_iteration", "models/a.cc", head + good)


def test_own_header_comes_first() -> None:
    texts = {"models/a.h": HEADER, "models/a.cc": '#include <vector>\n#include "models/a.h"\n'}
    assert list(RULES["own_header_first"](Tree.of_texts(texts)))
    texts["models/a.cc"] = '#include "models/a.h"\n#include <vector>\n'
    assert not list(RULES["own_header_first"](Tree.of_texts(texts)))


def test_a_header_another_file_includes_is_alive() -> None:
    texts = {"models/a.h": HEADER, "models/b.cc": '#include "models/a.h"\n'}
    assert not list(RULES["dead_header"](Tree.of_texts(texts)))


def test_an_include_of_our_own_must_exist() -> None:
    said = list(
        RULES["include_direction"](Tree.of_texts({"models/a.cc": '#include "models/no.h"'}))
    )
    assert "no file" in said[0].message


def test_a_folder_without_its_page_is_found() -> None:
    texts = {"models/tcp/input.cc": "// What.\n"}
    said = [f.path for f in RULES["readme_page"](Tree.of_texts(texts))]
    assert said == ["models/README.md", "models/tcp/README.md"]
    texts |= {"models/README.md": "x\n" * 61, "models/tcp/README.md": "One line.\n"}
    assert [f.path for f in RULES["readme_page"](Tree.of_texts(texts))] == ["models/README.md"]


def test_every_rule_has_a_sample_here() -> None:
    shown = {s[0] for s in SAMPLES} | {"banned_calls", "unordered_iteration", "own_header_first"}
    assert set(RULES) - shown == {"readme_page"}


def test_the_style_page_lists_every_rule() -> None:
    page = (tidy.HERE / "STYLE.md").read_text()
    missing = [
        name for name in [*RULES, "clang_format", "headers_alone"] if f"`{name}`" not in page
    ]
    assert not missing
