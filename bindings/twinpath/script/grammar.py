"""The grammar: from the text of a script to its events. The handbook's page "Scripts" writes it
down; packetdrill's `parser.y` is what it follows."""

from __future__ import annotations

import re

from . import icmp_names, sysctl
from .lexer import Token, tokens_of
from .model import (ANY, ECT0, ECT1, ECT_EITHER, Apply, Array, Call, Check, Event, Icmp, IpInfo,
                    Name, Option, Packet, Script, ScriptError, Struct, Tcp, Udp, Value, When)

NS_PER_S = 1_000_000_000
FLAGS = re.compile(r"[FSRPUEWA]+$")
ECN_MARKS = {"noecn": 0, "ect1": ECT1, "ect0": ECT0, "ce": 3, "ect01": ECT_EITHER}
# Header options. Those without effect under a virtual clock are taken and left alone.
OPTIONS = ("ip_version", "bind_port", "connect_port", "local_ip", "remote_ip", "mtu",
           "tolerance_usecs", "tolerance_percent", "set", "peer_isn", "define")
WITHOUT_EFFECT = ("gateway_ip", "netmask_ip", "speed", "verbose", "non_fatal", "tcp_ts_tick_usecs",
                  "strict_segments", "dry_run", "tcp_ts_ecr_scaled", "send_omit_free",
                  "debug", "mss")
EVENTS_MAX = 100_000
SEQUENCE_NUMBERS = 1 << 32


def parse(text: str) -> Script:
    """The script of a text; ScriptError says what is wrong and where."""
    return _Parser(text).script()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0

    # Words.

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def ahead(self, count: int) -> Token:
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.now
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def wrong(self, expected: str, token: Token | None = None) -> ScriptError:
        token = token or self.now
        before = self.tokens[max(self.at - 1, 0)]
        if token is self.now and token.line > before.line:
            return ScriptError(f"expected {expected}, found the end of the line", before.line,
                               before.column + len(before.text))
        return ScriptError(f"expected {expected}, found {token.text!r}", token.line, token.column)

    def sign(self, text: str) -> Token:
        if self.now.text != text:
            raise self.wrong(repr(text))
        return self.take()

    def has(self, text: str) -> bool:
        """Takes the word if it is this one."""
        if self.now.text != text or self.now.kind == "string":
            return False
        self.take()
        return True

    def integer(self, what: str = "a number") -> int:
        negative = self.has("-")
        token = self.now
        if token.kind not in ("number", "hex"):
            raise self.wrong(what)
        self.take()
        number = int(token.text, 16 if token.kind == "hex" else 10)
        return -number if negative else number

    # The whole.

    def script(self) -> Script:
        script = Script()
        while self.now.kind in ("option", "command"):
            token = self.take()
            (self.option if token.kind == "option" else self.command)(token, script)
        while self.now.kind != "end":
            if self.now.kind == "command":
                self.command(self.take(), script, late=bool(script.events))
                continue
            script.events.append(self.event())
            if len(script.events) > EVENTS_MAX:
                raise ScriptError(f"more than {EVENTS_MAX} events", self.now.line)
        if not script.events:
            raise ScriptError("there is nothing to run", self.now.line)
        return script

    def option(self, token: Token, script: Script) -> None:
        name, _, value = token.text[2:].partition("=")
        value = value.strip('"')
        if name == "init_scripts":
            raise ScriptError("--init_scripts: scripts of a shell are not run; say what they set "
                              "by --set=OPTION=VALUE", token.line, token.column)
        if name not in OPTIONS and name not in WITHOUT_EFFECT:
            raise ScriptError(f"--{name}: no such option ({', '.join(OPTIONS)})", token.line,
                              token.column)
        if name == "set":
            key, _, setting = value.partition("=")
            script.settings.append((key, setting))
        else:
            script.options[name] = value

    def command(self, token: Token, script: Script, late: bool = False) -> None:
        """A shell command: settings of the kernel are mapped, others refused."""
        try:
            script.settings += sysctl.settings(token.text.strip("`"), late)
        except ValueError as error:
            raise ScriptError(str(error), token.line, token.column) from None

    def event(self) -> Event:
        first = self.now
        when = self.when()
        token = self.now
        what: Packet | Call | Check
        if token.text in ("<", ">") and token.kind == "sign":
            what = self.packet()
        elif token.kind == "check":
            what = Check(self.take().text[2:-2])
        elif token.kind == "name":
            what = self.call()
        elif token.kind == "command":
            self.command(self.take(), Script(), late=True)
            raise AssertionError("refused above")
        else:
            raise self.wrong("a segment ('<' or '>'), a call or a check")
        if when.done_ns is not None and not isinstance(what, Call):
            raise ScriptError("only a call may block", first.line, first.column)
        if when.anytime and not (isinstance(what, Packet) and what.outbound):
            raise ScriptError("only an expected segment may come at any time", first.line,
                              first.column)
        last = self.tokens[self.at - 1]
        text = " ".join(self.text[first.start:last.start + len(last.text)].split())
        return Event(when, what, first.line, first.column, text)

    # Times.

    def when(self) -> When:
        if self.has("*"):
            return When(anytime=True)
        start = self.now
        relative, first = self.moment()
        if self.has("~"):
            _, last = self.moment()
            if last < first:
                raise ScriptError("the window ends before it begins", start.line, start.column)
            return When(first, last, relative)
        if self.now.kind == "dots":
            self.take()
            _, done = self.moment()
            if done < first:
                raise ScriptError("the call returns before it begins", start.line, start.column)
            return When(first, first, relative, done_ns=done)
        return When(first, first, relative)

    def moment(self) -> tuple[bool, int]:
        """Whether it is relative, and ns."""
        relative = self.has("+")
        token = self.now
        if token.kind not in ("number", "float"):
            raise self.wrong("a time such as +0.1")
        self.take()
        whole, _, part = token.text.partition(".")
        return relative, int(whole or 0) * NS_PER_S + int((part + "0" * 9)[:9])

    # Segments.

    def packet(self) -> Packet:
        outbound = self.take().text == ">"
        ip = self.ip_info()
        ports = self.ports()
        token = self.now
        if self.has("udp"):
            return Packet(outbound, Udp(self.datagram_length()), ip, ports)
        if self.has("icmp") or self.has("icmpv6"):
            return Packet(outbound, self.icmp(token.text == "icmpv6"), ip, ports)
        return Packet(outbound, self.tcp(outbound), ip, ports)

    def ip_info(self) -> IpInfo:
        found: dict[str, int] = {}
        if self.now.text not in ("[", "("):
            return IpInfo()
        closing = "]" if self.take().text == "[" else ")"
        while True:
            token = self.take()
            if token.text == "ECN" and self.has("="):
                token = self.take()
            if token.text in ECN_MARKS:
                found["ecn"] = ECN_MARKS[token.text]
            elif token.text == "ttl":
                found["ttl"] = self.integer()
            elif token.text == "tos":
                found["dscp_tos"] = self.integer()
            elif token.text == "flowlabel":
                found["flow_label"] = self.integer()
            else:
                raise self.wrong(f"{', '.join(ECN_MARKS)}, tos, ttl or flowlabel", token)
            if not self.has(","):
                break
        self.sign(closing)
        return IpInfo(**found)

    def ports(self) -> tuple[int, int] | None:
        if self.now.kind != "number" or self.ahead(1).text != ">":
            return None
        source = self.integer()
        self.sign(">")
        return source, self.integer("a port")

    def tcp(self, outbound: bool) -> Tcp:
        flags = self.flags()
        seq, length = self.place()
        ack = self.integer() if self.has("ack") else None
        window = self.integer() if self.has("win") else None
        urgent = self.integer() if self.has("urg") else None
        options: tuple[Option, ...] | None = ()
        if self.now.text == "<":
            options = self.options(outbound)
        if "." in flags and ack is None:
            raise self.wrong("ack and a number, because the flags have '.'")
        return Tcp(flags, seq, length, ack, window, urgent, options)

    def flags(self) -> str:
        text, first = "", self.now
        while self.now.text in (".", "-") or (self.now.kind == "name"
                                              and FLAGS.match(self.now.text)):
            text += self.take().text.replace("-", "")
            if first.text == "-":
                return ""
        if not text:
            raise self.wrong("flags such as S. or P.")
        return text

    def place(self) -> tuple[int, int]:
        token = self.now
        first = self.integer("a sequence number")
        self.sign(":")
        last = self.integer("a sequence number")
        self.sign("(")
        length = self.integer("a length")
        self.sign(")")
        if (first + length - last) % SEQUENCE_NUMBERS:
            raise ScriptError(f"{first}:{last} is {(last - first) % SEQUENCE_NUMBERS} bytes, not "
                              f"{length}", token.line, token.column)
        return first, length

    def options(self, outbound: bool) -> tuple[Option, ...] | None:
        self.sign("<")
        if self.now.kind == "dots":
            dots = self.take()
            self.sign(">")
            if not outbound:
                raise ScriptError("an injected segment says its options", dots.line, dots.column)
            return None
        found: list[Option] = []
        while self.now.text != ">":
            found.append(self.one_option())
            if not self.has(","):
                break
        self.sign(">")
        return tuple(found)

    def one_option(self) -> Option:
        token = self.take()
        name = token.text
        if name in ("nop", "eol", "sackOK"):
            return name, (), b""
        if name in ("mss", "wscale"):
            return name, (self.integer(),), b""
        if name == "TS":
            return name, self.timestamps(), b""
        if name == "sack":
            blocks: list[int] = []
            while self.now.kind in ("number", "hex"):
                blocks.append(self.integer())
                self.sign(":")
                blocks.append(self.integer())
            return name, tuple(blocks), b""
        if name in ("FO", "FOEXP"):
            return name, (), self.cookie()
        raise self.wrong("an option (mss, wscale, sackOK, sack, TS, nop, eol, FO, FOEXP)", token)

    def timestamps(self) -> tuple[int, int]:
        self.sign("val")
        value = self.integer()
        self.sign("ecr")
        return value, self.integer()

    def cookie(self) -> bytes:
        """Hexadecimal digits, as many words as the lexer makes of them."""
        text = ""
        while self.now.text not in (",", ">"):
            text += self.take().text
        try:
            return bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            raise self.wrong("a cookie in hexadecimal digits") from None

    def datagram_length(self) -> int:
        self.sign("(")
        length = self.integer("a length")
        self.sign(")")
        return length

    def icmp(self, v6: bool) -> Icmp:
        token = self.take()
        kind = icmp_names.type_of(token.text, v6)
        if kind is None:
            raise self.wrong(f"a type ({', '.join(icmp_names.types(v6))})", token)
        code, mtu, quoted = 0, None, None
        if self.now.line == token.line and self.now.kind in ("name", "number") \
                and self.now.text != "mtu":
            token = self.take()
            known = icmp_names.code_of(kind, token.text, v6)
            if known is None:
                raise self.wrong(f"a code ({', '.join(icmp_names.codes(kind, v6))})", token)
            code = known
        if self.has("mtu"):
            mtu = self.integer()
        if self.has("["):
            quoted = self.quoted()
        return Icmp(kind, code, v6, mtu, quoted)

    def quoted(self) -> Tcp | Udp:
        if self.has("udp"):
            body: Tcp | Udp = Udp(self.datagram_length())
        else:
            seq, length = self.place()
            body = Tcp(".", seq, length)
        self.sign("]")
        return body

    # Calls.

    def call(self) -> Call:
        name = self.take().text
        arguments = self.arguments()
        self.sign("=")
        result = self.value()
        error = ""
        if self.now.kind == "name" and re.match(r"E[A-Z0-9]+$", self.now.text):
            error = self.take().text
        if self.now.text == "(":
            self.skip_note()
        return Call(name, arguments, result, error)

    def skip_note(self) -> None:
        """What strace prints behind a result: "(Resource temporarily unavailable)"."""
        self.sign("(")
        depth = 1
        while depth:
            token = self.take()
            if token.kind == "end":
                raise self.wrong("')'", token)
            depth += {"(": 1, ")": -1}.get(token.text, 0)

    def arguments(self) -> tuple[Value, ...]:
        self.sign("(")
        found: list[Value] = []
        while self.now.text != ")":
            found.append(self.value())
            if not self.has(","):
                break
        self.sign(")")
        return tuple(found)

    def value(self) -> Value:
        token = self.now
        if token.kind == "dots":
            self.take()
            return ANY
        if token.kind == "string":
            return self.string()
        if token.text == "[":
            self.take()
            return Array(self.items("]"))
        if token.text == "{":
            return self.struct()
        if token.kind in ("number", "hex") or token.text == "-":
            number = self.integer()
            return Name((str(number), *self.more_words())) if self.now.text == "|" else number
        if token.kind == "name":
            return self.named()
        if token.kind == "address":
            return self.take().text
        raise self.wrong("a value")

    def more_words(self) -> tuple[str, ...]:
        words = []
        while self.has("|"):
            words.append(self.take().text)
        return tuple(words)

    def named(self) -> Value:
        word = self.take().text
        if self.now.text == "(":
            return Apply(word, self.arguments())
        return Name((word, *self.more_words()))

    def string(self) -> bytes:
        text = self.take().text[1:-1]
        while self.now.kind == "string":
            text += self.take().text[1:-1]
        return text.encode().decode("unicode_escape").encode("latin-1")

    def items(self, closing: str) -> tuple[Value, ...]:
        found: list[Value] = []
        while self.now.text != closing:
            found.append(self.value())
            if not self.has(","):
                break
        self.sign(closing)
        return tuple(found)

    def struct(self) -> Struct:
        self.sign("{")
        fields: list[tuple[str | None, Value]] = []
        while self.now.text != "}":
            fields.append(self.field())
            if not self.has(","):
                break
        self.sign("}")
        return Struct(tuple(fields))

    def field(self) -> tuple[str | None, Value]:
        name = None
        if self.now.kind == "name" and self.ahead(1).text == "=":
            name = self.take().text
            self.take()
        elif self.now.kind == "name" and self.ahead(1).text == "(":
            return self.counted_field()
        return name, self.value()

    def counted_field(self) -> tuple[str | None, Value]:
        """`msg_iov(2)=[...]`: the length belongs to the name; `htons(80)` alone is a value."""
        applied = self.named()
        assert isinstance(applied, Apply)
        if self.has("="):
            return applied.name, self.value()
        return None, applied
