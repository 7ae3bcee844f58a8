"""A study's figure: what its file cannot be is told as everywhere, by a ConfigError."""

from __future__ import annotations

import os

from twinpath_analysis.figures import Figure

from ..arguments import written_path
from .study import told


class Drawn(Figure):
    """A figure that was drawn for a user."""

    @classmethod
    def of(cls, figure: Figure) -> "Drawn":
        """`figure`, as one of these."""
        return cls(figure.title, figure.svg, figure.query, figure.command, figure.canvas)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes the figure as a file whose name ends in .svg, .png or .pdf; its path. The same
        figure gives the same bytes. ConfigError for another ending, or a folder that is none."""
        with told("save"):
            return super().save(written_path(path, "save.path"))
