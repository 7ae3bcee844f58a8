"""A name that does not exist, told apart from other mistakes so that callers can suggest others."""

from __future__ import annotations

from typing import Iterable


class WrongName(ValueError):
    """`name` was given for `field` and is no `what`; `valid` are the names there are."""

    def __init__(self, field: str, name: str, what: str, valid: Iterable[str]) -> None:
        self.field, self.name, self.what, self.valid = field, name, what, list(valid)
        super().__init__(f"no {what} {name!r}; there are: {' '.join(self.valid)}")
