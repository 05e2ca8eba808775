# SPDX-License-Identifier: Apache-2.0
"""Seeded faults: one changed line each, and the test that must catch it.

Copies the project, checks that the tests pass in the copy, then changes one line at a time and runs
the test that is to notice it. A fault counts as caught only if that test fails with a mismatch; an
error while importing, compiling or translating does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from codegen.openhls.simulate.proof import ProofError
from codegen.openhls.tools import check_tools
from pynq_driver.devices.device import NoProgressError
from testing.faults.fault import BrokenFaultError, CaughtFault, Fault
from testing.machine_robustness import WrongResultError
from testing.repository import ROOT
from tritforge.errors import TritforgeError

PACKAGES = ("codegen", "pynq_driver", "testing", "tests", "tritforge", "tritforge_cli")
COPIED = (*PACKAGES, "engine", "hls", "CMakeLists.txt", "CMakePresets.json", "pyproject.toml")
#: An editable installation comes before PYTHONPATH, so the tests would run the original.
_LAUNCHER = f"""
import importlib, sys
sys.meta_path[:] = [f for f in sys.meta_path if not type(f).__module__.startswith("_editable")]
import pytest
for package in map(importlib.import_module, {PACKAGES}):
    if not package.__file__.startswith(sys.argv[1]):
        sys.exit(f"{{package.__file__}} is not in the copy {{sys.argv[1]}}")
sys.exit(pytest.main(sys.argv[2:]))
"""
_IGNORED = shutil.ignore_patterns("__pycache__", "build")
_TEST_TIMEOUT_S = 300
#: How the message of a mismatch begins; pytest shortens the class of a plain `assert`.
_MISMATCHES = (
    *(f"{kind.__module__}.{kind.__name__}: " for kind in (ProofError, WrongResultError)),
    f"{NoProgressError.__module__}.{NoProgressError.__name__}: ",
    "AssertionError",
    "assert ",
)


@dataclass(frozen=True)
class Outcome:
    """What the test said about a fault; `message` is its first line."""

    fault: str
    test: str
    caught: bool
    message: str
    seconds: float


def copy_project(target: Path) -> None:
    """Copy what the tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=_IGNORED)
        else:
            shutil.copy2(source, target / name)


#: What a copy of the project needs before its tests run; gives variables of their environment.
Prepare = Callable[[Path], Mapping[str, str]]


def _nothing(project: Path) -> Mapping[str, str]:
    return {}


def run_tests(
    project: Path, cache: Path, tests: Sequence[str], prepare: Prepare = _nothing
) -> tuple[int, ElementTree.Element]:
    """Run tests in a copy; pytest's exit code and its JUnit report."""
    report = project / "report.xml"
    report.unlink(missing_ok=True)
    # A stale byte code file of the same second and size would hide a fault.
    environment = {
        **os.environ,
        **prepare(project),
        "PYTHONPATH": str(project),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRITFORGE_CACHE": str(cache),
    }
    command = [sys.executable, "-c", _LAUNCHER, str(project)]
    command += [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={project}",
        f"--junitxml={report}",
        *tests,
    ]
    result = subprocess.run(
        command,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TEST_TIMEOUT_S * len(tests),
        check=False,
    )
    if not report.is_file():
        raise BrokenFaultError(f"pytest wrote no report: {(result.stdout + result.stderr)[-2000:]}")
    return result.returncode, ElementTree.parse(report).getroot()


def check_unmodified(
    project: Path, cache: Path, tests: Sequence[str], prepare: Prepare = _nothing
) -> None:
    """Without a fault every test runs and passes.

    Raises:
        BrokenFaultError: one fails, is skipped, does not exist or takes too long.
    """
    try:
        code, report = run_tests(project, cache, tests, prepare)
    except subprocess.TimeoutExpired as error:
        raise BrokenFaultError(
            f"without a fault tests took longer than {error.timeout:.0f} s: is the machine busy?"
        ) from None
    cases = list(report.iter("testcase"))
    unhappy = [case for case in cases if len(case)]
    if code or len(cases) != len(tests) or unhappy:
        names = ", ".join(case.get("name", "") for case in unhappy)
        raise BrokenFaultError(
            f"without a fault {len(cases)} of {len(tests)} tests ran, not passed: {names or 'none'}"
        )


def name_of(fault: Fault) -> str:
    """Name of a fault as it is printed: file and what goes wrong."""
    return f"{fault.file_name}: {fault.name.replace('_', ' ')}"


def try_fault(
    project: Path, cache: Path, item: CaughtFault, prepare: Prepare = _nothing
) -> Outcome:
    """Put in one fault, run its test, take the fault out."""
    fault, test = item.fault, item.test
    path = project / fault.path
    text = path.read_text(encoding="utf-8")
    name, start = name_of(fault), time.monotonic()
    path.write_text(fault.put_into(text), encoding="utf-8")
    try:
        code, report = run_tests(project, cache, [test], prepare)
    except subprocess.TimeoutExpired:
        return Outcome(name, test, False, "timeout", time.monotonic() - start)
    finally:
        path.write_text(text, encoding="utf-8")
    found = [item.get("message", "") for item in report.iter("failure")]
    message = found[0] if found else "passed" if code == 0 else "error outside the test"
    caught = code == 1 and len(found) == 1 and is_mismatch(message)
    seconds = time.monotonic() - start
    return Outcome(name, test, caught, message.splitlines()[0], seconds)


def is_mismatch(message: str) -> bool:
    """Whether a failure compares results; a compiler's message inside an assertion does not."""
    return message.startswith(_MISMATCHES) and " error: " not in message


def run(faults: Sequence[CaughtFault], prepare: Prepare = _nothing) -> list[Outcome]:
    """Try every fault in a fresh copy."""
    with tempfile.TemporaryDirectory(prefix="open_flow_faults_") as name:
        project, cache = Path(name).resolve() / "project", Path(name) / "cache"
        project.mkdir()
        copy_project(project)
        tests = list(dict.fromkeys(fault.test for fault in faults))
        with tqdm(total=len(faults) + 1, unit="run", disable=None) as progress:
            progress.set_description("unmodified")
            check_unmodified(project, cache, tests, prepare)
            progress.update()
            outcomes = []
            for fault in faults:
                progress.set_description(name_of(fault.fault))
                outcomes.append(try_fault(project, cache, fault, prepare))
                progress.update()
    return outcomes


def print_table(outcomes: Sequence[Outcome]) -> None:
    """One line per fault, and the message with which it was caught."""
    width = max(len(item.fault) for item in outcomes)
    for item in outcomes:
        result = "caught by" if item.caught else "MISSED by"
        print(f"{item.fault:{width}}  {result} {item.test.split('::')[-1]}  ({item.seconds:.0f} s)")
        print(f"{'':{width}}    {item.message[:100]}")


def main(
    program: str,
    every: Sequence[CaughtFault],
    argv: Sequence[str] | None = None,
    prepare: Prepare = _nothing,
) -> int:
    """Command line of a list of faults.

    Args:
        prepare: is called with the copy of the project before every run of tests.

    Returns:
        Exit code: 1 if a fault is missed, or if tests fail without one.
    """
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")
    parser.add_argument("--only", default="", help="faults whose name contains this text")
    arguments = parser.parse_args(argv)
    faults = [item for item in every if arguments.only in name_of(item.fault)]
    if not faults:
        names = "; ".join(name_of(item.fault) for item in every)
        parser.exit(1, f"{program}: error: no fault contains {arguments.only!r}: {names}\n")
    try:
        check_tools()
        outcomes = run(faults, prepare)
    except TritforgeError as error:
        parser.exit(1, f"{program}: error: {error}\n")
    caught = sum(item.caught for item in outcomes)
    if arguments.json:
        print(json.dumps([asdict(item) for item in outcomes], indent=2))
    else:
        print_table(outcomes)
        print(f"{caught} of {len(outcomes)} faults caught")
    return 0 if caught == len(outcomes) else 1
