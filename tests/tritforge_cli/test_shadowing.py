# SPDX-License-Identifier: Apache-2.0
"""Another package of the same import name in front of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing.repository import ROOT
from tritforge_cli import shadowing


def run(path: list[Path], folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with ``path`` in front, and without an editable installation's import hook.

    That hook (a ``.pth`` file, which ``-S`` skips) makes our packages win before the path counts.
    """
    installed = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    return subprocess.run(
        [sys.executable, "-S", *command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, *installed]))},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", shadowing.SHARED_NAMES)
@pytest.mark.parametrize("form", ["package", "module"])
def test_command_names_the_shadowing_file_and_the_remedy(
    name: str, form: str, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    fake = site / name / "__init__.py" if form == "package" else site / f"{name}.py"
    fake.parent.mkdir(parents=True)
    fake.write_text("def to_source(node): ...\n", encoding="utf-8")
    for arguments in (["info"], ["generate", "Once"], ["--help"]):
        result = run([site, ROOT], tmp_path, "-m", "tritforge_cli.main", *arguments)
        assert result.returncode == 2, result.stdout
        assert result.stderr.count("\n") == 1 and "Traceback" not in result.stderr
        for words in (str(fake), str(ROOT / name), f"pip uninstall {name}", str(site)):
            assert words in result.stderr


def test_the_current_folder_counts_as_well(tmp_path: Path) -> None:
    (tmp_path / "codegen").mkdir()
    (tmp_path / "codegen" / "__init__.py").touch()
    result = run([ROOT], tmp_path, "-m", "tritforge_cli.main", "info")
    assert result.returncode == 2
    assert str(tmp_path / "codegen") in result.stderr


def test_a_package_installed_over_ours_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in shadowing.SHARED_NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('"""Tritforge."""\n', encoding="utf-8")
    monkeypatch.setattr(shadowing, "_ROOT", tmp_path)
    monkeypatch.setattr(shadowing, "_location", lambda name: tmp_path / name / "__init__.py")
    shadowing.check_shadowing()
    (tmp_path / "codegen" / "__init__.py").write_text("import ast\n", encoding="utf-8")
    with pytest.raises(shadowing.TritforgeError, match=r"installed over.*pip uninstall codegen"):
        shadowing.check_shadowing()


def test_the_generator_as_a_script_takes_its_own_packages(tmp_path: Path) -> None:
    fake = tmp_path / "site" / "codegen"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise SystemExit('the wrong one')\n", encoding="utf-8")
    script = str(ROOT / "codegen" / "gen.py")
    result = run([fake.parent], tmp_path, script, "--dim", "64", "--out", "project", "--quiet")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "project" / "CMakeLists.txt").is_file()
