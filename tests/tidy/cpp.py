"""A small reader of C++: comments and strings apart, tokens, scopes, functions.

It knows as much of the language as the rules need and guesses nothing else: what a brace opens is
decided from the tokens of the statement before it. python3-clang was not taken: it needs every
compile flag, a second per ns-3 file, and another package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.']*|::|->|<<=|>>=|<=>|&&|\|\||[-+*/%&|^=!<>]=|\+\+|--|\S")
PIECE = re.compile(
    r'R"(?P<tag>[^()\\ ]{0,16})\((?:.*?)\)(?P=tag)"|//[^\n]*|/\*.*?\*/'
    r'|"(?:\\.|[^"\\\n])*"|(?<![\w\'])\'(?:\\.|[^\'\\\n])+\'',
    re.S,
)
NOT_A_NAME = {
    "if",
    "for",
    "while",
    "switch",
    "catch",
    "return",
    "sizeof",
    "alignas",
    "alignof",
    "decltype",
    "noexcept",
    "requires",
    "explicit",
    "static_assert",
    "new",
    "delete",
    "throw",
    "typeid",
    "__attribute__",
    "co_await",
    "co_return",
    "do",
    "else",
    "case",
    "defined",
}
OPENING, CLOSING = ("(", "[", "{", "<"), (")", "]", "}", ">")
TYPE_WORDS = {"class", "struct", "union", "enum"}
BLOCK_WORDS = {"if", "for", "while", "switch", "do", "else", "try", "catch", "case", "default"}


@dataclass(frozen=True)
class Token:
    text: str
    line: int


@dataclass
class Function:
    """A function definition or declaration."""

    name: str
    first_line: int
    last_line: int
    params: list[list[str]]
    before: list[str]  # tokens before the name: return type and specifiers
    after: list[str]  # tokens between the parameters and the body
    has_body: bool
    owner: str  # enclosing class, or ""
    nesting: int = 0
    body: list[Token] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return self.last_line - self.first_line + 1

    @property
    def qualified(self) -> bool:
        return bool(self.before) and self.before[-1] == "::"


@dataclass
class Declaration:
    """A statement outside functions that declares no function: usually a variable."""

    tokens: list[Token]
    scope: str  # namespace | type


@dataclass
class Include:
    line: int
    name: str
    quoted: bool


def blank(text: str) -> str:
    """Spaces of the same shape, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", text)


class CppText:
    """The parts of one file."""

    def __init__(self, text: str) -> None:
        self.comments: list[tuple[int, str]] = []
        self.text = text
        self.code = PIECE.sub(self._take, text)

    def _take(self, match: re.Match[str]) -> str:
        piece = match.group(0)
        if piece.startswith(("//", "/*")):
            line = self.text.count("\n", 0, match.start()) + 1
            self.comments += [(line + i, t) for i, t in enumerate(piece.split("\n"))]
            return blank(piece)
        if self._is_include(match.start()):
            return piece
        quote = piece[-1]
        return quote + blank(piece[1:-1]) + quote

    def _is_include(self, start: int) -> bool:
        line_start = self.text.rfind("\n", 0, start) + 1
        return re.match(r"\s*#\s*include\s*$", self.text[line_start:start]) is not None

    @cached_property
    def directives(self) -> list[tuple[int, str]]:
        """Preprocessor lines, without continuations."""
        numbered = enumerate(self.code.split("\n"), 1)
        return [(n, line.strip()) for n, line in numbered if line.lstrip().startswith("#")]

    @cached_property
    def includes(self) -> list[Include]:
        found = []
        for number, line in self.directives:
            match = re.match(r'#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                found.append(Include(number, match.group(2), match.group(1) == '"'))
        return found

    @cached_property
    def tokens(self) -> list[Token]:
        plain = re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: blank(m.group(0)), self.code)
        found, line, position = [], 1, 0
        for match in TOKEN.finditer(plain):
            line += plain.count("\n", position, match.start())
            position = match.start()
            found.append(Token(match.group(0), line))
        return found

    @cached_property
    def _parsed(self) -> Reader:
        reader = Reader(self.tokens)
        reader.read()
        return reader

    @property
    def functions(self) -> list[Function]:
        return self._parsed.functions

    @property
    def declarations(self) -> list[Declaration]:
        return self._parsed.declarations

    @property
    def types(self) -> list[Token]:
        return self._parsed.types


class Reader:
    """Walks the tokens once, outside function bodies statement by statement."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.close = matching(tokens)
        self.functions: list[Function] = []
        self.declarations: list[Declaration] = []
        self.types: list[Token] = []

    def read(self) -> None:
        self._scope(0, len(self.tokens), "namespace", "")

    def _scope(self, i: int, end: int, kind: str, owner: str) -> None:
        start = i
        while i < end:
            text = self.tokens[i].text
            if text == ";":
                self._statement(start, i, kind, owner)
                start = i + 1
            elif text in "([":
                i = self.close.get(i, end)
            elif text == "{":
                i, ended = self._brace(start, i, kind, owner)
                start = i + 1 if ended else start
            elif text == ":" and self._is_access(start, i):
                start = i + 1
            i += 1

    def _is_access(self, start: int, i: int) -> bool:
        words = [t.text for t in self.tokens[start:i]]
        return len(words) == 1 and words[0] in ("public", "private", "protected")

    def _brace(self, start: int, i: int, kind: str, owner: str) -> tuple[int, bool]:
        """Handles the brace at i; returns its closing index and whether the statement ended."""
        end = self.close.get(i, len(self.tokens))
        words = without_templates([t.text for t in self.tokens[start:i]])
        if "namespace" in words or (words[:1] == ["extern"] and "(" not in words):
            self._scope(i + 1, end, "namespace", "")
            return end, True
        opened = type_name(words)
        if opened is not None:
            self.types.append(Token(opened, self.tokens[i].line))
            if "enum" not in words:
                self._scope(i + 1, end, "type", opened)
            return end, True
        found = find_function(self.tokens[start:i])
        if found is None or self._is_member_init(i, end):
            return end, False
        self._define(found, start, i, owner)
        return end, True

    def _is_member_init(self, i: int, end: int) -> bool:
        after = self.tokens[end + 1].text if end + 1 < len(self.tokens) else ""
        before = self.tokens[i - 1].text if i else ""
        return (after in (",", "{")) and re.match(r"\w|>", before) is not None and before != "try"

    def _define(self, found: tuple[int, int], start: int, brace: int, owner: str) -> None:
        function = self._function(found, start, brace, owner)
        end = self.close.get(brace, len(self.tokens) - 1)
        function.has_body = True
        function.last_line = self.tokens[end].line
        function.body = self.tokens[brace + 1 : end]
        function.nesting = nesting(self.tokens, self.close, brace, end)
        self.functions.append(function)

    def _statement(self, start: int, end: int, kind: str, owner: str) -> None:
        tokens = self.tokens[start:end]
        if not tokens:
            return
        found = find_function(tokens)
        if found is None:
            self.declarations.append(Declaration(tokens, kind))
        else:
            self.functions.append(self._function(found, start, end, owner))

    def _function(self, found: tuple[int, int], start: int, end: int, owner: str) -> Function:
        name, paren = start + found[0], start + found[1]
        close = self.close[paren]
        words = [t.text for t in self.tokens]
        return Function(
            name="".join(words[name:paren]),
            first_line=self.tokens[start].line,
            last_line=self.tokens[end].line if end < len(self.tokens) else self.tokens[-1].line,
            params=split_params(words[paren + 1 : close]),
            before=without_templates(words[start:name]),
            after=words[close + 1 : end],
            has_body=False,
            owner=owner,
        )


def matching(tokens: list[Token]) -> dict[int, int]:
    """Index of every opening bracket to the index of its closing one."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for i, token in enumerate(tokens):
        if token.text in ("(", "[", "{"):
            stack.append(i)
        elif token.text in (")", "]", "}") and stack:
            pairs[stack.pop()] = i
    return pairs


def without_templates(words: list[str]) -> list[str]:
    """Drops `template <...>` heads and attributes, which may hold the words `class` and `=`."""
    kept, i = [], 0
    while i < len(words):
        if words[i] == "template" and i + 1 < len(words) and words[i + 1] == "<":
            i = skip_angles(words, i + 1)
        elif words[i : i + 2] == ["[", "["]:
            i = words.index("]", i) + 2
        else:
            kept.append(words[i])
            i += 1
    return kept


def skip_angles(words: list[str], i: int) -> int:
    depth = 0
    while i < len(words):
        depth += {"<": 1, ">": -1}.get(words[i], 0)
        i += 1
        if depth == 0:
            break
    return i


def type_name(words: list[str]) -> str | None:
    """The name a class, struct, union or enum definition opens, or None for anything else."""
    start = next((i for i, w in enumerate(words) if w in TYPE_WORDS), None)
    if start is None or "=" in words[:start] or "(" in words[:start]:
        return None
    rest = words[start + 1 :]
    if rest[:1] == ["class"]:
        rest = rest[1:]
    if rest[:2] == ["alignas", "("]:
        rest = rest[rest.index(")") + 1 :]
    head = rest[: rest.index(":")] if ":" in rest else rest
    return None if "(" in head else (head[0] if head else "anonymous")


def find_function(tokens: list[Token]) -> tuple[int, int] | None:
    """(index of the name, index of its parenthesis) if the statement declares a function."""
    words = [t.text for t in tokens]
    if not words or words[0] in ("using", "typedef", "static_assert", "friend", "return"):
        return None
    depth, i = 0, 0
    while i < len(words):
        word = words[i]
        if word == "template" and words[i + 1 : i + 2] == ["<"]:
            i = skip_angles(words, i + 1)
            continue
        if word == "operator":
            paren = words.index("(", i + (3 if words[i + 1 : i + 3] == ["(", ")"] else 1))
            return i, paren
        if word == "=" and depth == 0:
            return None
        if word == "(" and depth == 0 and i > 0 and is_name(words[i - 1]):
            name = i - 2 if i > 1 and words[i - 2] == "~" else i - 1
            return name, i
        depth += (word in OPENING) - (word in CLOSING)
        i += 1
    return None


def is_name(word: str) -> bool:
    return re.match(r"[A-Za-z_]\w*$", word) is not None and word not in NOT_A_NAME


def split_params(words: list[str]) -> list[list[str]]:
    """Parameters at the outermost commas; angles count as brackets here."""
    params: list[list[str]] = [[]]
    depth = 0
    for word in words:
        if word == "," and depth == 0:
            params.append([])
            continue
        depth += (word in OPENING) - (word in CLOSING)
        params[-1].append(word)
    return [p for p in params if p and p != ["void"]]


def nesting(tokens: list[Token], close: dict[int, int], start: int, end: int) -> int:
    """How many blocks stand inside one another; an initialiser's braces are not a block."""
    deepest = 0
    open_braces: list[tuple[int, bool]] = [(end, True)]
    for i in range(start + 1, end):
        while len(open_braces) > 1 and i >= open_braces[-1][0]:
            open_braces.pop()
        if tokens[i].text == "{":
            block = opens_block(tokens, i, inside_block=open_braces[-1][1])
            open_braces.append((close.get(i, end), block))
            deepest = max(deepest, sum(is_block for _, is_block in open_braces) - 1)
    return deepest


def opens_block(tokens: list[Token], i: int, inside_block: bool) -> bool:
    """A brace after a condition, a block word, a lambda's head or, inside a block, a statement."""
    before = tokens[i - 1].text
    if before in (")", "]", "mutable", "noexcept") or before in BLOCK_WORDS:
        return True
    if before in (";", "{", "}"):
        return inside_block
    while i > 0 and re.match(r"\w|::|[<>*&]$", tokens[i - 1].text):
        i -= 1
    return tokens[i - 1].text == "->" and tokens[i - 2].text == ")"
