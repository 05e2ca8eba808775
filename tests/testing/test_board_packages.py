# SPDX-License-Identifier: Apache-2.0
"""Resolution for the board, with an index that the test makes up."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from testing import board_packages
from testing.board_packages import Found, resolve, table

ROOTS = ["numpy>=1.21", "text>=2", "web>=1; extra == 'serve'", "tritforge[serve]; extra == 'all'"]
INDEX = {
    "text": Found(
        "2.5",
        "text-2.5-cp310-abi3-manylinux_2_17_armv7l.manylinux2014_armv7l.whl",
        (
            "fast; platform_machine == 'x86_64'",
            "backport; python_version < '3.11'",
            "colours; sys_platform == 'win32'",
            "base[more]>=1",
        ),
    ),
    "backport": Found("1.0", "backport-1.0-py3-none-any.whl", ("base<3", "text")),
    "base": Found("2.0", "base-2.0-py3-none-any.whl", ("extra-part; extra == 'more'",)),
    "extra-part": Found("1.0", "extra_part-1.0-py3-none-any.whl", ()),
}
asked: list[str] = []


def ask(requirement: str) -> Found | None:
    asked.append(requirement)
    return INDEX.get(Requirement(requirement).name)


def test_conditions_are_those_of_the_board() -> None:
    names = [item.name for item in resolve(ROOTS, (), ask)]
    assert names == ["numpy", "text", "backport", "base", "extra-part"]


def test_everybody_is_heard() -> None:
    asked.clear()
    (base,) = (item for item in resolve(ROOTS, (), ask) if item.name == "base")
    assert set(base.asked.split(",")) == {"<3", ">=1"}
    assert base.needed_by == ("text", "backport")
    assert "base<3,>=1" in asked


@pytest.mark.parametrize("extras", [("serve",), ("all",)])
def test_extras_and_a_package_without_a_wheel(extras: tuple[str, ...]) -> None:
    packages = {item.name: item for item in resolve(ROOTS, extras, ask)}
    assert not packages["web"].is_settled
    assert "**no wheel for >=1, and none in the image**" in table(list(packages.values()))
    assert "tritforge" not in packages


def test_what_the_image_has_must_be_new_enough() -> None:
    (numpy,) = resolve(["numpy>=1.21"], (), ask)
    assert numpy.is_settled and numpy.substitute == board_packages.IMAGE["numpy"]
    (numpy,) = resolve(["numpy>=1.22"], (), ask)
    assert not numpy.is_settled
