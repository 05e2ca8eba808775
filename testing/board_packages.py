# SPDX-License-Identifier: Apache-2.0
"""Resolution of requirements for a PYNQ-Z2, whatever computer asks.

pip looks on the package index for wheels of Python 3.10 on 32-bit ARM (dry run: nothing is
installed). It would judge conditions such as `platform_machine == "x86_64"` by this computer, so
they are judged here, by what the board is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

#: Conditions of packages are about this: PYNQ v3.1, which is Ubuntu 22.04 on 32-bit ARM.
BOARD_ENVIRONMENT = {
    "implementation_name": "cpython",
    "implementation_version": "3.10.12",
    "os_name": "posix",
    "platform_machine": "armv7l",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.10.12",
    "python_version": "3.10",
    "sys_platform": "linux",
}
#: glibc of the image is 2.35; wheels for older ones run as well, from 2.17 on.
_GLIBC = range(17, 36)
PLATFORMS = (*(f"manylinux_2_{minor}_armv7l" for minor in _GLIBC), "linux_armv7l")
OWN = "tritforge"
#: Packages that the image brings, with their version: those of Ubuntu 22.04.
IMAGE = {"numpy": "1.21.5", "pyyaml": "5.4.1"}


@dataclass(frozen=True)
class Found:
    """What pip would install of one package.

    Attributes:
        version: of the wheel.
        wheel: its file name.
        requires: lines of its metadata, conditions included.
    """

    version: str
    wheel: str
    requires: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """A row of the table.

    Attributes:
        asked: what all who need it ask for.
        needed_by: who needs it.
        found: None: there is no wheel.
    """

    name: str
    asked: str
    needed_by: tuple[str, ...]
    found: Found | None

    @property
    def substitute(self) -> str | None:
        """Version that the image brings, if that is what is asked for."""
        version = IMAGE.get(self.name)
        return version if version and SpecifierSet(self.asked).contains(version) else None

    @property
    def is_settled(self) -> bool:
        """Whether there is a wheel or a substitute."""
        return self.found is not None or self.substitute is not None


def needed(lines: Iterable[str], extras: Iterable[str]) -> list[Requirement]:
    """Requirements whose conditions hold on the board."""
    items = [Requirement(line) for line in lines]
    environments: list[dict[str, str]] = [
        {**BOARD_ENVIRONMENT, "extra": extra} for extra in ("", *extras)
    ]
    return [
        item
        for item in items
        if item.marker is None or any(item.marker.evaluate(where) for where in environments)
    ]


def resolve(
    roots: Sequence[str], extras: Sequence[str], ask: Callable[[str], Found | None]
) -> list[Package]:
    """All packages, in the order in which they are met; each in the newest version that all allow.

    Args:
        roots: requirements of Tritforge.
        extras: of Tritforge.
        ask: what pip finds for a requirement without conditions.
    """
    specifiers: dict[str, SpecifierSet] = {}
    needed_by: dict[str, list[str]] = {}
    found: dict[str, Found | None] = {}
    waiting = [(OWN, item) for item in needed(roots, extras)]
    while waiting:
        parent, item = waiting.pop(0)
        name = str(canonicalize_name(item.name))
        if name == OWN:  # an extra that is made of others
            waiting += [(OWN, other) for other in needed(roots, item.extras)]
            continue
        before = specifiers.get(name)
        specifiers[name] = item.specifier if before is None else before & item.specifier
        if parent not in needed_by.setdefault(name, []):
            needed_by[name].append(parent)
        if before == specifiers[name] and not item.extras:
            continue
        found[name] = ask(f"{name}{specifiers[name]}")
        result = found[name]
        if result is not None:
            waiting += [(name, lower) for lower in needed(result.requires, item.extras)]
    return [
        Package(name, str(specifiers[name]), tuple(needed_by[name]), found[name]) for name in found
    ]


def pip_finds(requirement: str) -> Found | None:
    """Ask pip for a wheel for the board; the newest one that the requirement allows."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--report", "-", "--python-version", "3.10"]
    command += ["--implementation", "cp", "--abi", "cp310", "--abi", "abi3", "--abi", "none"]
    for platform in reversed(PLATFORMS):
        command += ["--platform", platform]
    with tempfile.TemporaryDirectory(prefix="tritforge_board_") as folder:
        result = subprocess.run(
            [*command, "--target", folder, requirement],
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        if "No matching distribution" in result.stderr:
            return None
        raise SystemExit(f"error: pip cannot look for {requirement}: {result.stderr.strip()}")
    (item,) = json.loads(result.stdout)["install"]
    metadata: dict[str, Any] = item["metadata"]
    wheel = item["download_info"]["url"].rsplit("/", 1)[1]
    return Found(metadata["version"], wheel, tuple(metadata.get("requires_dist", ())))


def table(packages: Sequence[Package]) -> str:
    """Rows for a document."""
    lines = ["| package | asked for by | on the board |", "| --- | --- | --- |"]
    for item in packages:
        if item.found is not None:
            tags = item.found.wheel.removesuffix(".whl").split("-", 2)[2]
            what = f"{item.found.version}, wheel `{tags.split('.')[0]}`"
        elif item.substitute is not None:
            what = f"no wheel: {item.substitute} of the image"
        else:
            what = f"**no wheel for {item.asked or 'any version'}, and none in the image**"
        lines.append(f"| {item.name} | {', '.join(item.needed_by)} | {what} |")
    return "\n".join(lines)
