"""Studies: a grid of cases, seeds and drivers run into one database, only what is missing."""

from .launch import study
from .study import Study, open_study

__all__ = ["Study", "open_study", "study"]
