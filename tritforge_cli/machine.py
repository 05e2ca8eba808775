# SPDX-License-Identifier: Apache-2.0
"""Building the machine for the backends `csim` and `rtl`."""

from __future__ import annotations

from pathlib import Path

from codegen.blueprint import Blueprint
from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.machine.csim_library import build_csim_library
from codegen.project import machine_source
from pynq_driver import CompiledLibrary
from pynq_driver.language_model.fit import config_for
from tritforge.language_model.config import AcceleratorConfig
from tritforge.language_model.image import Image
from tritforge_cli.progress import steps_bar


def library_for(
    backend: str,
    image: Image,
    ports: int | None = None,
    lanes: int | None = None,
    waveform: bool = False,
    board: str | None = None,
) -> CompiledLibrary:
    """The machine for an image, built if it is not in the cache."""
    given = {"ports": ports, "lanes": lanes, "board": board}
    config = config_for(image, **{k: v for k, v in given.items() if v is not None})
    return CompiledLibrary(build_library(backend, config, waveform), config)


def build_library(backend: str, config: AcceleratorConfig, waveform: bool = False) -> Path:
    """Shared library of a language model's machine, with a progress bar while it is built."""
    return build_machine(backend, LanguageModelBlueprint(config), waveform)


def build_machine(backend: str, blueprint: Blueprint, waveform: bool = False) -> Path:
    """Shared library of any whole machine, with a progress bar while it is built."""
    source = machine_source(blueprint)
    with steps_bar(f"building {backend}") as progress:
        if backend == "csim":
            progress("compile the C-simulation", 0, 1)
            return build_csim_library(source)
        from codegen.machine.rtl_library import build_rtl_library

        return build_rtl_library(source, waveform, progress)
