# SPDX-License-Identifier: Apache-2.0
"""What the wheel carries, and that it works without this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from testing.repository import ROOT

PACKAGES = ("tritforge", "codegen", "pynq_driver", "training", "tritforge_cli")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pure-Python wheel of a board: same files as the full one, but for the engine."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run(
        [*command, str(folder), "--no-build-isolation", str(ROOT)],
        check=True,
        env={**os.environ, "TRITFORGE_PURE_PYTHON": "1"},
        timeout=300,
    )
    (path,) = folder.glob("*.whl")
    return path


def tracked_files(folder: str) -> set[str]:
    result = subprocess.run(
        ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {line for line in result.stdout.splitlines() if (ROOT / line).exists()}


def test_pure_python_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_carries_every_file_of_the_package(wheel: Path, package: str) -> None:
    missing = tracked_files(package) - set(zipfile.ZipFile(wheel).namelist())
    assert not missing


def test_wheel_carries_the_hls_sources_inside_the_generator(wheel: Path) -> None:
    expected = {f"codegen/{name}" for name in tracked_files("hls")}
    assert expected and not expected - set(zipfile.ZipFile(wheel).namelist())


def test_wheel_announces_notebooks_and_overlays_to_pynq(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (item for item in archive.namelist() if item.endswith("/entry_points.txt"))
    text = archive.read(name).decode()
    for group in ("notebooks", "overlays"):
        assert f"[pynq.{group}]\ntritforge = pynq_driver.{group}\n" in text


def test_wheel_carries_neither_tests_nor_benchmarks(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {item for item in top if not item.endswith(".dist-info")} == set(PACKAGES)


def test_unpacked_wheel_generates_text_and_hardware(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    story = subprocess.run(
        [sys.executable, "-S", "-c", _WITHOUT_CHECKOUT, str(site), *_site_packages()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=120,
        check=False,
    )
    assert story.returncode == 0, story.stderr
    assert "Once upon a time" in story.stdout
    assert (tmp_path / "project" / "CMakeLists.txt").exists()


def test_editable_packages_are_those_of_the_checkout_and_nothing_else(tmp_path: Path) -> None:
    """A module of another folder must not be found as one of `codegen`."""
    build = "import sys; from scikit_build_core.build import build_editable as b; b(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "TRITFORGE_PURE_PYTHON": "1"},
        capture_output=True,
        timeout=120,
    )
    (path,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(path).extractall(tmp_path / "site")
    found = subprocess.run(
        [sys.executable, "-S", "-c", _PLACES, str(tmp_path / "site"), *PACKAGES],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split()
    assert found == [str(ROOT / name) for name in PACKAGES]


_PLACES = """
import importlib.util, site, sys
site.addsitedir(sys.argv[1])
for name in sys.argv[2:]:
    print(*importlib.util.find_spec(name).submodule_search_locations)
"""

#: -S keeps the editable installation's import hook out; dependencies are added by path.
_WITHOUT_CHECKOUT = """
import sys
site, *dependencies = sys.argv[1:]
sys.path += dependencies
import pynq_driver
assert pynq_driver.__file__.startswith(site), pynq_driver.__file__
print("Once upon a time" + "".join(
    pynq_driver.load(backend="golden").generate("Once upon a time", seed=1, max_tokens=5)))
import codegen.gen
assert codegen.gen.main(["--dim", "64", "--out", "project", "--quiet"]) == 0
"""


def _site_packages() -> list[str]:
    return [path for path in sys.path if path.endswith("site-packages")]
