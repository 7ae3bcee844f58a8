"""The reader of C++: what it must see right for the rules to be fair."""

from __future__ import annotations

import pytest
from compile_checks import clang_format, compile_alone
from cpp import CppText, Function
from rules_function import builtin
from tree import Tree


def only(text: str) -> Function:
    functions = CppText(text).functions
    assert len(functions) == 1, [f.name for f in functions]
    return functions[0]


@pytest.mark.parametrize(
    "text, name, params",
    [
        ("int f(int a) { return a; }", "f", 1),
        ("A::A(int a) : a_{a}, b_(1) { g(); }", "A", 1),
        ("A::~A() { g(); }", "~A", 0),
        ("template <class T, int n = 3> auto f(std::map<T, int> m) -> int { return n; }", "f", 1),
        ("bool operator==(const A& a, const A& b) { return true; }", "operator==", 2),
        ("int A::operator()(int x) const { return x; }", "operator()", 1),
        ('extern "C" int f(const char* data, unsigned long size) { return 0; }', "f", 2),
        ("[[nodiscard]] virtual Instant next() const = 0;", "next", 0),
        ("TEST(Ring, Wraps) { push(1); }", "TEST", 2),
        ("std::function<void(int)> make(std::pair<int, int> p);", "make", 1),
        ("void f(void) {}", "f", 0),
    ],
)
def test_functions_are_found(text: str, name: str, params: int) -> None:
    function = only(text)
    assert (function.name, len(function.params)) == (name, params)


@pytest.mark.parametrize(
    "text",
    [
        "std::function<void(int)> callback_;",
        "constexpr std::array<int, 2> kTable{{f(1), 2}};",
        "auto handler = [](int a) { return a; };",
        "struct alignas(64) PacketBuf { int len; };",
        "using Handler = void (*)(int);",
        "enum class Color : std::uint8_t { kRed, kBlue };",
        "static_assert(sizeof(int) == 4);",
        "// int f() {}\n/* int g() {} */",
        'const char* text = "int f() {}";',
        'const char* raw = R"x(int f() { "})x";',
    ],
)
def test_what_looks_like_a_function_is_none(text: str) -> None:
    assert CppText(text).functions == []


def test_members_know_their_class() -> None:
    functions = CppText(
        "class A : public B { public: A(); int size() const { return 1; } };"
    ).functions
    assert [(f.name, f.owner, f.has_body) for f in functions] == [
        ("A", "A", False),
        ("size", "A", True),
    ]


def test_lines_are_counted_from_signature_to_brace() -> None:
    function = only("\n\nint f(int a,\n      int b) {\n  return a;\n}\n")
    assert (function.first_line, function.last_line, function.lines) == (3, 6, 4)


@pytest.mark.parametrize(
    "body, depth",
    [
        ("a = {{1}, {2}};", 0),
        ("if (a) { b(); } else { c(); }", 1),
        ("run([&](int x) { if (x) { y(); } });", 2),
        ("f([] -> int { return 1; });", 0),
        ("f([]() -> std::vector<int> { return {}; });", 1),
        ("{ { a(); } }", 2),
    ],
)
def test_nesting(body: str, depth: int) -> None:
    assert only(f"void f() {{ {body} }}").nesting == depth


def test_includes_keep_their_names() -> None:
    includes = CppText('#include <vector>\n#  include "models/a.h"  // why\n').includes
    assert [(i.name, i.quoted, i.line) for i in includes] == [
        ("vector", False, 1),
        ("models/a.h", True, 2),
    ]


@pytest.mark.parametrize(
    "param, kind",
    [
        ("const std :: uint32_t a", "uint32_t"),
        ("unsigned long long a = 3", "unsigned long long"),
        ("bool", "bool"),
        ("int & a", None),
        ("const char * name", None),
        ("Duration a", None),
    ],
)
def test_builtin_types(param: str, kind: str | None) -> None:
    assert builtin(param.split()) == kind


def test_clang_format_sees_a_bad_line(tmp_path) -> None:
    (tmp_path / ".clang-format").write_text("BasedOnStyle: Google\n")
    (tmp_path / "a.cc").write_text("int  f( ){return 1 ;}\n")
    tree = Tree.of_texts({"a.cc": (tmp_path / "a.cc").read_text()})
    assert [f.path for f in clang_format(tree, tmp_path)] == ["a.cc"]


def test_a_header_that_leans_on_others_does_not_compile_alone(tmp_path) -> None:
    (tmp_path / "bad.h").write_text("#pragma once\nstd::vector<int> f();\n")
    (tmp_path / "good.h").write_text("#pragma once\n#include <vector>\nstd::vector<int> f();\n")
    assert "error" in (compile_alone("bad.h", tmp_path) or "")
    assert compile_alone("good.h", tmp_path) is None
