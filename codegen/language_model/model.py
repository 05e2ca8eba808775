# SPDX-License-Identifier: Apache-2.0
"""The language model as a choice of the generator."""

from __future__ import annotations

import dataclasses

from codegen.language_model.blueprint import LanguageModelBlueprint
from codegen.language_model.processes import machine_processes
from codegen.model import Given, Model, Option, listed, span
from tritforge.boards import board_names
from tritforge.errors import ConfigurationError
from tritforge.language_model.config import (
    DIM_RANGE,
    GLU_RANGE,
    LANE_CHOICES,
    LAYER_RANGE,
    PORT_CHOICES,
    VOCABULARY_RANGE,
    AcceleratorConfig,
    SigmoidKind,
    accelerator,
)

_DEFAULTS = {item.name: item.default for item in dataclasses.fields(AcceleratorConfig)}


def _blueprint(given: Given, units: tuple[str, ...]) -> LanguageModelBlueprint:
    if "dim" not in given:
        raise ConfigurationError(
            f"--dim is required: give an integer from {span(DIM_RANGE)}, e.g. --dim 2048"
        )
    return LanguageModelBlueprint(accelerator(**given), units)  # type: ignore[arg-type]


def _option(name: str, text: str, is_text: bool = False) -> Option:
    default = _DEFAULTS[name]
    usual = default.value if isinstance(default, SigmoidKind) else default
    has_default = isinstance(default, (int, str))
    return Option(name, f"{text} (default: {usual})" if has_default else text, is_text)


MODEL = Model(
    "language-model",
    tuple(item.name for item in machine_processes(ports=1)),
    (
        _option("dim", f"width of the model, {span(DIM_RANGE)} (required)"),
        _option("layers", f"blocks, {span(LAYER_RANGE)}"),
        _option(
            "glu_width", f"GLU width, {span(GLU_RANGE)} (default: 8/3 of dim, rounded up to 256)"
        ),
        _option("vocabulary", f"tokens, {span(VOCABULARY_RANGE)}"),
        _option("ports", f"64-bit memory ports: {listed(PORT_CHOICES)}"),
        _option("lanes", f"vectors that share one weight stream: {listed(LANE_CHOICES)}"),
        _option("states", "recurrent states on chip, 1 or as many as lanes (default: lanes)"),
        _option(
            "sigmoid",
            f"{listed([kind.value for kind in SigmoidKind])}; all but the default change the "
            "model's outputs",
            is_text=True,
        ),
        _option("board", listed(board_names()), is_text=True),
    ),
    _blueprint,
)
