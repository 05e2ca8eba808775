# SPDX-License-Identifier: Apache-2.0
"""Fuzzer of model images and checkpoints.

python benchmarks/fuzz.py [--images 20000] [--headers 1000] [--seed 0]
    [--engine auto|require|skip] [--sanitize] [--time-limit 20] [--save DIR]

Every case runs in a worker process under a time limit, so crashes of native code and hangs are
counted too. Exits with 1 if a case crashed, hung, or was accepted silently; such cases are saved.

With --sanitize the engine is built with AddressSanitizer and UndefinedBehaviorSanitizer first. By
hand that is `cmake --preset sanitize`, `cmake --build --preset sanitize`, then
`TRITFORGE_ENGINE_DIRECTORY=build/sanitize/engine ASAN_OPTIONS=detect_leaks=0
LD_PRELOAD=$(gcc -print-file-name=libasan.so) python benchmarks/fuzz.py --engine require`.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Union

from testing.repository import ROOT

if str(ROOT) not in sys.path:  # run as a script
    sys.path.insert(0, str(ROOT))

from tqdm import tqdm

import pynq_driver
from benchmarks.fuzz_cases import (
    FAILURES,
    CheckpointTarget,
    ImageTarget,
    Outcome,
    Verdict,
)
from benchmarks.run_sanitized import build, runtime_libraries
from tritforge.errors import TritforgeError

AnyTarget = Union[ImageTarget, CheckpointTarget]
MakeTarget = Callable[[Path], AnyTarget]

#: A folder with another build of the extension, as the engine's tests read it.
ENGINE_DIRECTORY = "TRITFORGE_ENGINE_DIRECTORY"
SANITIZED_BUILD = ROOT / "build" / "sanitize"
REASONS_SHOWN = 25
FAILURES_SAVED = 20


@dataclass
class Summary:
    """Counts of one series of cases."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, Verdict, Path]] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """Cases run."""
        return sum(self.outcomes.values())

    def lines(self, title: str) -> list[str]:
        """What is printed at the end."""
        result = [f"{title}: {self.cases} cases"]
        result += [f"  {self.outcomes[item]:7d}  {item.value}" for item in Outcome]
        result += ["  refused because:"] if self.reasons else []
        common = self.reasons.most_common(REASONS_SHOWN)
        result += [f"  {count:7d}    {reason}" for reason, count in common]
        rest = self.outcomes[Outcome.REFUSED] - sum(count for _, count in common)
        result += [f"  {rest:7d}    other reasons"] if rest else []
        for index, verdict, path in self.failures:
            outcome, reason = verdict.outcome.value, verdict.reason
            result.append(f"  FAILED case {index}: {outcome}: {reason!r}; saved {path}")
        return result


def _work(make: MakeTarget, folder: Path, start: int, stop: int, pipe: Connection) -> None:
    """Worker: run cases start..stop - 1, sending each verdict."""
    # A panic of the Rust tokenizer prints to stderr before it becomes an error.
    null = os.open(os.devnull, os.O_WRONLY)
    if ENGINE_DIRECTORY not in os.environ:  # a sanitizer's report is worth reading
        os.dup2(null, 2)
    target = make(folder)
    pipe.send(None)
    for index in range(start, stop):
        pipe.send(target.run(index))


def run_cases(
    make: MakeTarget, count: int, time_limit: float, save: Path, title: str, quiet: bool = False
) -> Summary:
    """Run cases 0..count - 1 in worker processes; a dead or stuck worker costs one case.

    Args:
        time_limit: seconds a case may take.
        save: folder for failing cases.
    """
    summary = Summary()
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="tritforge-fuzz-") as scratch,
        tqdm(total=count, desc=title, unit="case", disable=True if quiet else None) as bar,
    ):
        index = 0
        while index < count:
            receiver, sender = context.Pipe(duplex=False)
            worker = context.Process(
                target=_work, args=(make, Path(scratch), index, count, sender), daemon=True
            )
            worker.start()
            sender.close()
            started = _receive(receiver, 10 * time_limit)
            if isinstance(started, Verdict):
                worker.kill()
                raise TritforgeError(f"the worker of {title} does not start: {started.reason}")
            while index < count:
                verdict = _receive(receiver, time_limit)
                assert verdict is not None
                _count(summary, index, verdict, make, save)
                index += 1
                bar.update()
                if verdict.outcome is Outcome.HANG or verdict.reason == _DIED:
                    break
            worker.kill()
            worker.join()
    return summary


_DIED = "the process died"


def _receive(pipe: Connection, time_limit: float) -> Verdict | None:
    if not pipe.poll(time_limit):
        return Verdict(Outcome.HANG, f"longer than {time_limit} s")
    try:
        received: Verdict | None = pipe.recv()
    except EOFError:
        return Verdict(Outcome.CRASH, _DIED)
    return received


def _count(summary: Summary, index: int, verdict: Verdict, make: MakeTarget, save: Path) -> None:
    summary.outcomes[verdict.outcome] += 1
    if verdict.outcome is Outcome.REFUSED:
        summary.reasons[verdict.reason] += 1
    if verdict.outcome in FAILURES and len(summary.failures) < FAILURES_SAVED:
        save.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            saved = make(Path(scratch)).save(index, save)
        summary.failures.append((index, verdict, saved))


@dataclass(frozen=True)
class MakeImages:
    """Makes the target of image cases in a worker."""

    seed: int
    with_engine: bool

    def __call__(self, folder: Path) -> ImageTarget:
        """The target, with its files below `folder`."""
        if self.with_engine:
            select_engine()
        return ImageTarget(folder / "images", self.seed, self.with_engine)


@dataclass(frozen=True)
class MakeCheckpoints:
    """Makes the target of checkpoint cases in a worker."""

    seed: int

    def __call__(self, folder: Path) -> CheckpointTarget:
        """The target, with its files below `folder`."""
        return CheckpointTarget(folder / "checkpoints", self.seed)


def select_engine() -> bool:
    """Prefer the extension of TRITFORGE_ENGINE_DIRECTORY; returns whether there is any."""
    if ENGINE_DIRECTORY in os.environ:
        pynq_driver.__path__.insert(0, os.environ[ENGINE_DIRECTORY])
    return importlib.util.find_spec("pynq_driver._engine") is not None


def sanitized_environment() -> dict[str, str]:
    """Build the engine with sanitizers; returns the environment that uses it."""
    try:
        extension = build(SANITIZED_BUILD)
        libraries = runtime_libraries(SANITIZED_BUILD)
    except FileNotFoundError as error:
        raise TritforgeError(f"{error.filename} is missing: pip install cmake ninja") from None
    except subprocess.CalledProcessError as error:
        raise TritforgeError(f"{' '.join(error.cmd)} failed; its messages are above") from None
    return {
        **os.environ,
        ENGINE_DIRECTORY: str(extension),
        "LD_PRELOAD": ":".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description="Mutate model images and checkpoints; nothing may crash, hang or pass unseen."
    )
    parser.add_argument("--images", type=int, default=20_000, help="image cases (20000)")
    parser.add_argument("--headers", type=int, default=1_000, help="checkpoint cases (1000)")
    parser.add_argument("--seed", type=int, default=0, help="cases depend on it and their number")
    parser.add_argument(
        "--engine",
        choices=("auto", "require", "skip"),
        default="auto",
        help="compare the C++ engine with the golden model: if it is there, always, never",
    )
    parser.add_argument("--sanitize", action="store_true", help="build the engine with sanitizers")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds a case (20)")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"), help="failing cases")
    arguments = parser.parse_args()
    for name in ("images", "headers", "seed"):
        if getattr(arguments, name) < 0:
            parser.error(f"--{name} must not be negative")
    if arguments.time_limit <= 0:
        parser.error("--time-limit must be positive")
    return arguments


def main() -> int:
    """Run both series; returns the exit status."""
    arguments = parse_arguments()
    try:
        if arguments.sanitize:
            rest = [item for item in sys.argv[1:] if item != "--sanitize"]
            command = [sys.executable, __file__, *rest, "--engine", "require"]
            os.execve(sys.executable, command, sanitized_environment())
        found = select_engine()
        if arguments.engine == "require" and not found:
            raise TritforgeError("--engine require: the C++ engine is not installed")
        with_engine = found and arguments.engine != "skip"
        started = time.perf_counter()
        lines, failures = [], 0
        for title, make, count in (
            ("images", MakeImages(arguments.seed, with_engine), arguments.images),
            ("checkpoints", MakeCheckpoints(arguments.seed), arguments.headers),
        ):
            summary = run_cases(make, count, arguments.time_limit, arguments.save, title)
            lines += summary.lines(title)
            failures += sum(summary.outcomes[item] for item in FAILURES)
    except TritforgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    engine = "C++ engine compared" if with_engine else "golden model only"
    lines.append(f"{engine}; {failures} failures; {time.perf_counter() - started:.0f} s")
    print("\n".join(lines))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
