# SPDX-License-Identifier: Apache-2.0
"""All models that the generator knows."""

from __future__ import annotations

from collections.abc import Mapping

from codegen.ivit.model import MODEL as IVIT
from codegen.language_model.model import MODEL as LANGUAGE_MODEL
from codegen.model import Model

#: `--model` -> model; the first is the default.
MODELS: Mapping[str, Model] = {item.name: item for item in (LANGUAGE_MODEL, IVIT)}
DEFAULT_MODEL = LANGUAGE_MODEL.name
