# SPDX-License-Identifier: Apache-2.0
"""The folder of the repository."""

from pathlib import Path

#: Folder of pyproject.toml.
ROOT = Path(__file__).resolve().parents[1]
