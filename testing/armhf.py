# SPDX-License-Identifier: Apache-2.0
"""Debian's userland for the processor of a PYNQ-Z2, in a folder, run by QEMU's user emulation.

Packages of Debian's archive are unpacked and not installed, so nothing of the computer changes. The
processor is a Cortex-A9: ARMv7 with NEON and the hard-float ABI. Debian 12 has Python 3.11, where
the PYNQ image has 3.10.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pybind11

from testing.repository import ROOT

#: What must be on the path, and the Debian packages that have it.
PROGRAMS = ("qemu-arm", "arm-linux-gnueabihf-g++", "apt-get", "dpkg-deb")
INSTALL = "apt install qemu-user g++-arm-linux-gnueabihf (Debian or Ubuntu)"
PYTHON = "python3.11"
_ARCHIVE = "http://deb.debian.org/debian"
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_DEBIAN_PACKAGES = ("python3", "python3-numpy", "libpython3-dev", "libstdc++6")
#: Wheels of PyPI; those in Rust and C have wheels for armv7l.
_WHEELS = ("jinja2", "markupsafe", "safetensors", "tokenizers", "tqdm")
_PLATFORMS = ("manylinux_2_31_armv7l", "manylinux_2_17_armv7l", "manylinux2014_armv7l")
_SUFFIX = ".cpython-311-arm-linux-gnueabihf.so"
_TIMEOUT = 1800


class UserlandError(Exception):
    """The archive cannot be reached, or a step failed."""


class ArmUserland:
    """Python for ARMv7 with Tritforge's wheel and its C++ engine.

    Attributes:
        root: the unpacked packages of Debian.
        site: the unpacked wheels, Tritforge's own included.
    """

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: to fill; what an earlier call has made there is used again.

        Raises:
            UserlandError: the archive cannot be reached, or a step failed.
        """
        self._folder = folder
        self.root, self.site = folder / "root", folder / "site"
        folder.mkdir(parents=True, exist_ok=True)
        self._once("root", self._unpack_debian)
        self._once("packages", self._unpack_packages)

    def install(self) -> None:
        """Unpack the pure-Python wheel of this checkout, and compile the engine beside it."""
        wheels = self._folder / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
        _run([*command, str(wheels), str(ROOT)], {"TRITFORGE_PURE_PYTHON": "1"})
        shutil.rmtree(self.site, ignore_errors=True)
        shutil.copytree(self._folder / "packages", self.site)
        (wheel,) = wheels.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)
        build = self._folder / "build"
        include = self.root / "usr" / "include"
        options = {
            "CMAKE_BUILD_TYPE": "Release",
            "CMAKE_SYSTEM_NAME": "Linux",
            "CMAKE_SYSTEM_PROCESSOR": "armv7l",
            "CMAKE_CXX_COMPILER": PROGRAMS[1],
            # After the cross compiler's own folders.
            "CMAKE_CXX_FLAGS": f"-idirafter {include}",
            "Python_EXECUTABLE": sys.executable,
            "Python_INCLUDE_DIR": str(include / PYTHON),
            "PYTHON_MODULE_EXTENSION": _SUFFIX,
            "PYBIND11_USE_CROSSCOMPILING": "ON",
            "pybind11_DIR": pybind11.get_cmake_dir(),
        }
        cmake = [sys.executable, "-m", "cmake"]
        definitions = [f"-D{name}={value}" for name, value in options.items()]
        _run([*cmake, "-S", str(ROOT), "-B", str(build), *definitions])
        _run([*cmake, "--build", str(build), "--target", "_engine", "--parallel", "2"])
        (engine,) = build.rglob(f"_engine{_SUFFIX}")
        shutil.copy(engine, self.site / "pynq_driver")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python on the emulated processor."""
        libraries = self.root / "usr" / "lib" / "arm-linux-gnueabihf"
        search = [libraries, libraries / "blas", libraries / "lapack"]
        environment = {
            "LD_LIBRARY_PATH": ":".join(map(str, search)),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONPATH": f"{self.site}:{self.root / 'usr/lib/python3/dist-packages'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        given = [f"{name}={value}" for name, value in environment.items()]
        emulator = ["qemu-arm", "-cpu", "cortex-a9", "-L", str(self.root)]
        for item in given:
            emulator += ["-E", item]
        command = [*emulator, str(self.root / "usr" / "bin" / PYTHON), *arguments]
        return subprocess.run(
            command, cwd=self.site, capture_output=True, text=True, timeout=_TIMEOUT
        )

    def _once(self, name: str, make: Callable[[Path], None]) -> None:
        """Fill a folder; half a folder is none."""
        if (self._folder / name).is_dir():
            return
        part = self._folder / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        part.rename(self._folder / name)

    def _unpack_debian(self, target: Path) -> None:
        state = self._folder / "apt"
        for name in ("lists/partial", "archives/partial"):
            (state / name).mkdir(parents=True, exist_ok=True)
        (state / "status").write_text("")
        signed = f"[signed-by={_KEYS}] " if _KEYS.is_file() else ""
        (state / "sources.list").write_text(f"deb {signed}{_ARCHIVE} bookworm main\n")
        options = {
            "APT::Architecture": "armhf",
            "APT::Architectures": "armhf",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "true",
            "Dir::Cache": str(state),
            "Dir::Etc::sourcelist": str(state / "sources.list"),
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": str(state),
            "Dir::State::status": str(state / "status"),
        }
        apt = ["apt-get", "--quiet", *(f"-o{name}={value}" for name, value in options.items())]
        _run([*apt, "--error-on=any", "update"])
        _run([*apt, "--yes", "--download-only", "install", *_DEBIAN_PACKAGES])
        for package in sorted((state / "archives").glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(target)])

    def _unpack_packages(self, target: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.11"]
        for platform in _PLATFORMS:
            command += ["--platform", platform]
        _run([*command, "--target", str(target), *_WHEELS])


def missing_programs() -> list[str]:
    """Programs that are not on the path."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    result = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
    )
    if result.returncode:
        raise UserlandError(f"{' '.join(command)}\n{result.stdout[-1000:]}{result.stderr[-2000:]}")
