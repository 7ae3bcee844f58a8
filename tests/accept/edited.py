"""A clone of the tree with one line of it changed, built and checked for real.

What the compiler cached for the tree serves the clone, so that only what an edit touches is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from promise import ROOT, Ran, run, twinpath

GATE = """import twinpath as tp
from twinpath.discover import find
suite = tp.suite("edited")
suite.add(find("bulk_transfer")(size="1MB", loss="1%"), driver="sim", seeds=[1, 2],
          expect=[tp.same("fingerprint"), tp.same("fct_s"), tp.no_worse("goodput_bps", rel="50%")])
"""


@dataclass(frozen=True)
class Edit:
    """One line of one file; `old` stands there once."""

    file: str
    old: str
    new: str


# Slow start that grows by one segment per acknowledgement, however much it acknowledged.
STACK = Edit(
    "models/tcp/congestion.cc", "kSlowStartSegmentsMax = 8;", "kSlowStartSegmentsMax = 1;"
)
# Losses drawn from the machine's clock instead of the seed.
CLOCK = Edit(
    "sim/direct_link.cc",
    "LinkModel(options.from_a, link_stream(run, options.name, true))",
    "LinkModel(options.from_a, link_stream(run, options.name + std::to_string("
    "std::chrono::steady_clock::now().time_since_epoch().count()), true))",
)


class EditedTree:
    """A clone in `folder` with a suite beside it."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.here = folder / "tree", folder / "user"
        self.here.mkdir()
        (self.here / "gate.py").write_text(GATE)
        self.cloned = run(["git", "clone", "-q", ROOT, self.clone])

    def check(self, *options: str) -> Ran:
        """`twinpath check` of the clone as it stands; the launcher builds it first."""
        return twinpath("check", "gate.py", "--json", *options, cwd=self.here, root=self.clone)

    def record(self) -> Ran:
        return self.check("--update", "--reason", "before the edit")

    def apply(self, edit: Edit) -> None:
        """Undoes the last edit and makes this one."""
        self.restore()
        path = self.clone / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise LookupError(f"{edit.file} has {edit.old!r} {text.count(edit.old)} times, not 1")
        path.write_text(text.replace(edit.old, edit.new))

    def restore(self) -> None:
        run(["git", "-C", self.clone, "checkout", "-q", "--", "."])
