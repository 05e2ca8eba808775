# SPDX-License-Identifier: Apache-2.0
"""Fuzz cases in worker processes under a time limit: crashes of native code and hangs count too."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Union

from tqdm import tqdm

import pynq_driver
from testing.fuzzing.cases import (
    FAILURES,
    CheckpointTarget,
    ImageTarget,
    LanguageImageTarget,
    Outcome,
    Verdict,
    VisionImageTarget,
)
from testing.fuzzing.picture_cases import PictureTarget
from tritforge.errors import TritforgeError
from tritforge.ivit.image import IVIT
from tritforge.language_model.image import LANGUAGE_MODEL

AnyTarget = Union[ImageTarget, CheckpointTarget, PictureTarget]
MakeTarget = Callable[[Path], AnyTarget]

#: A folder with another build of the extension, as the engine's tests read it.
ENGINE_DIRECTORY = "TRITFORGE_ENGINE_DIRECTORY"
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
        """Number of cases that were run."""
        return sum(self.outcomes.values())

    def lines(self, title: str) -> list[str]:
        """Lines of a report under `title`, the commonest reasons first."""
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
        time_limit: seconds that a case may take.
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


#: Kind of an image -> what mutates and runs images of it.
IMAGE_TARGETS: dict[str, type[ImageTarget]] = {
    LANGUAGE_MODEL.name: LanguageImageTarget,
    IVIT.name: VisionImageTarget,
}


@dataclass(frozen=True)
class MakeImages:
    """Makes the target of image cases of one kind in a worker."""

    kind: str
    seed: int
    with_engine: bool

    def __call__(self, folder: Path) -> ImageTarget:
        """The target, with its files below `folder`."""
        if self.with_engine:
            select_engine()
        return IMAGE_TARGETS[self.kind](folder / self.kind, self.seed, self.with_engine)


@dataclass(frozen=True)
class MakeCheckpoints:
    """Makes the target of checkpoint cases in a worker."""

    seed: int

    def __call__(self, folder: Path) -> CheckpointTarget:
        """The target, with its files below `folder`."""
        return CheckpointTarget(folder / "checkpoints", self.seed)


@dataclass(frozen=True)
class MakePictures:
    """Makes the target of picture cases in a worker."""

    seed: int
    with_engine: bool

    def __call__(self, folder: Path) -> PictureTarget:
        """The target, with its files below `folder`."""
        if self.with_engine:
            select_engine()
        return PictureTarget(folder / "pictures", self.seed, self.with_engine)


def select_engine() -> bool:
    """Prefer the extension of TRITFORGE_ENGINE_DIRECTORY; returns whether there is any."""
    if ENGINE_DIRECTORY in os.environ:
        pynq_driver.__path__.insert(0, os.environ[ENGINE_DIRECTORY])
    return importlib.util.find_spec("pynq_driver._engine") is not None


def engine_runs(kind: str) -> bool:
    """Whether the engine that was built runs models of that kind."""
    if kind != IVIT.name:
        return True
    return importlib.util.find_spec("pynq_driver.ivit.backends.cpu") is not None
