# SPDX-License-Identifier: Apache-2.0
"""Which folder of the C++ engine may include which."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ENGINE = Path(__file__).resolve().parents[2] / "engine"
COMMON = "common"
#: Folders that may include everything; every other folder is a machine and knows none but itself.
ROOFS = ("bindings", "test")
INCLUDE = re.compile(r'^\s*#\s*include\s+"(?P<path>[^"]+)"', re.MULTILINE)


def wrong_includes(engine: Path) -> list[str]:
    """Each include that its folder must not have, or that names no file of the engine."""
    wrong = []
    for source in sorted([*engine.rglob("*.cpp"), *engine.rglob("*.hpp")]):
        folder = source.relative_to(engine).parts[0]
        for match in INCLUDE.finditer(source.read_text(encoding="utf-8")):
            target = Path(match["path"]).parts[0]
            allowed = target in (COMMON, folder) or folder in ROOFS
            if not allowed or not (engine / match["path"]).is_file():
                wrong.append(f"{source.relative_to(engine)} includes {match['path']}")
    return wrong


def test_common_code_and_machines_know_no_other_machine() -> None:
    assert wrong_includes(ENGINE) == []
    including = {path.relative_to(ENGINE).parts[0] for path in ENGINE.rglob("*.hpp")}
    assert including >= {COMMON, "language_model", *ROOFS}


@pytest.mark.parametrize(
    ("file", "included"),
    [
        ("common/thread_pool.hpp", "language_model/executor.hpp"),
        ("common/paces.cpp", "bindings/arguments.hpp"),
        ("language_model/kernels/avx2.cpp", "bindings/engine.hpp"),
        ("language_model/engine.cpp", "second_machine/engine.hpp"),
        ("second_machine/engine.hpp", "language_model/engine.hpp"),
        ("bindings/engine.cpp", "engine.hpp"),
    ],
)
def test_a_wrong_include_is_found(tmp_path: Path, file: str, included: str) -> None:
    engine = tmp_path / "engine"
    shutil.copytree(ENGINE, engine)
    (engine / "second_machine").mkdir()
    (engine / "second_machine" / "engine.hpp").write_text('#include "common/paces.hpp"\n')
    assert wrong_includes(engine) == []
    path = engine / file
    path.write_text(f'#include "{included}"\n' + path.read_text())
    assert wrong_includes(engine) == [f"{file} includes {included}"]
