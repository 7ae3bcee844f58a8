"""The checkout keeps every rule: one test per rule, so that a report names what is broken."""

from __future__ import annotations

import pytest
import tidy
from compile_checks import clang_format, headers_alone
from tree import RULES, Tree

CHECKS = {**RULES, "clang_format": clang_format, "headers_alone": headers_alone}


@pytest.fixture(scope="session")
def checkout() -> Tree:
    return Tree.of_checkout()


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_checkout_keeps(name: str, checkout: Tree) -> None:
    said = list(CHECKS[name](checkout))
    if said:
        pytest.fail("\n".join(str(f) for f in said), pytrace=False)


def test_the_checkout_was_read(checkout: Tree) -> None:
    assert "tests/tidy/tidy.py" in checkout.files and tidy.RULES is RULES
