# SPDX-License-Identifier: Apache-2.0
"""Argument pieces that several commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pynq_driver import BACKEND_NAMES, LanguageModel, load
from tritforge.errors import TritforgeError


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """--model, --backend and --threads."""
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="model image (default: the embedded 17M story model)",
    )
    parser.add_argument(
        "--backend",
        choices=BACKEND_NAMES,
        default="cpu",
        help="cpu: C++ engine; golden: NumPy integer model, same tokens; "
        "float: float64 reference (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="processors for --backend cpu (default: all this process may use)",
    )


def load_model(options: argparse.Namespace) -> LanguageModel:
    """Open the model the arguments name."""
    return load(options.model, options.backend, options.threads)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """--json, for scripts."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(values, indent=2))


def read_text(path: Path) -> str:
    """Content of a UTF-8 text file the user named.

    Raises:
        TritforgeError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TritforgeError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise TritforgeError(f"{path} is not UTF-8 text (byte {error.start})") from None
