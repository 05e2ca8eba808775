# SPDX-License-Identifier: Apache-2.0
"""Imports of the open flow go one way, and none of them drags a machine's model along."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from testing.repository import ROOT

FLOW = ROOT / "codegen" / "openhls"
#: In this order; a module imports from its own place and from those before it.
ORDER = ("ground", "frontend", "translate", "xls", "flow", "simulate", "synth", "__main__")
STAGES = ("frontend", "translate", "xls", "simulate", "synth")
#: What the open flow may use of the rest of the project.
OUTSIDE = {"codegen.sources", "codegen.output", "tritforge.errors"}
#: What knows particular models.
MODELS = ("codegen.language_model", "codegen.ivit", "tritforge.language_model", "tritforge.ivit")


def modules() -> dict[str, Path]:
    names = {}
    for path in FLOW.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts).removesuffix(".__init__")] = path
    return names


def place(module: str) -> str:
    first = module.split(".")[2] if module.count(".") > 1 else "ground"
    return first if first in ORDER else "ground"


def imports(path: Path) -> set[str]:
    """Modules of this repository that a module imports, also inside functions."""
    found: set[str] = set()
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: relative import"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in whole}
    return {name for name in found if name.split(".")[0] in ("codegen", "tritforge", "pynq_driver")}


def wrong_imports(module: str, imported: set[str]) -> list[str]:
    allowed = ORDER[: ORDER.index(place(module)) + 1]
    own = {name for name in imported if name.startswith("codegen.openhls")}
    return sorted(
        [name for name in own if place(name) not in allowed] + list(imported - own - OUTSIDE)
    )


def test_every_folder_is_a_stage() -> None:
    folders = {path.parent.name for path in modules().values()} - {"openhls"}
    assert folders == set(STAGES)


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_go_one_way(module: str) -> None:
    assert not wrong_imports(module, imports(modules()[module]))


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("codegen.openhls.frontend.clang", "codegen.openhls.translate.top"),
        ("codegen.openhls.xls.emit", "codegen.openhls.flow"),
        ("codegen.openhls.cache", "codegen.openhls.frontend.clang"),
        ("codegen.openhls.flow", "codegen.openhls.simulate.proof"),
        ("codegen.openhls.xls.wrapper", "codegen.project"),
    ],
)
def test_a_wrong_import_is_noticed(module: str, imported: str) -> None:
    assert wrong_imports(module, {imported}) == [imported]


def test_no_circles() -> None:
    """Also none of imports for type checking alone."""
    known = modules()
    needs = {name: imports(path) & set(known) for name, path in known.items()}
    done: set[str] = set()
    while ready := {name for name, found in needs.items() if name not in done and found <= done}:
        done |= ready
    assert not set(known) - done


@pytest.mark.parametrize(
    "module",
    [f"codegen.openhls.{name}" for name in (*STAGES, "xls.wrapper", "flow", "simulate.proof")],
)
def test_no_model_is_loaded(module: str) -> None:
    loaded = loaded_modules(module)
    assert module in loaded
    assert not [name for name in loaded if name.startswith(MODELS) or "golden" in name]


def loaded_modules(module: str) -> list[str]:
    """Modules of this repository that a fresh interpreter loads with every module of a package."""
    result = subprocess.run(
        [sys.executable, "-c", _LIST, module], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


_LIST = """
import importlib, pkgutil, sys
module = importlib.import_module(sys.argv[1])
for item in pkgutil.iter_modules(getattr(module, "__path__", ()), module.__name__ + "."):
    importlib.import_module(item.name)
print(*[name for name in sys.modules if name.split(".")[0] in ("codegen", "tritforge")])
"""
