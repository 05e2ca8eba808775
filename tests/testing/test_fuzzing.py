# SPDX-License-Identifier: Apache-2.0
"""A short, seeded run of the fuzzer; `python -m benchmarks.fuzz` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.fuzzing import picture_cases
from testing.fuzzing.cases import FAILURES, LanguageImageTarget, Outcome, Target, Verdict
from testing.fuzzing.picture_cases import PictureTarget
from testing.fuzzing.pictures import VARIANTS
from testing.fuzzing.workers import (
    IMAGE_TARGETS,
    MakeCheckpoints,
    MakeImages,
    MakePictures,
    engine_runs,
    run_cases,
    select_engine,
)
from tritforge.errors import ImageError
from tritforge.ivit.image import IVIT
from tritforge.language_model.image import LANGUAGE_MODEL

TIME_LIMIT = 60.0


@pytest.mark.parametrize(
    ("kind", "seed", "count"),
    [("language-model", 2024, 400), ("ivit", 2024, 200), ("ivit", 7, 200)],
)
def test_mutated_images_are_refused_or_run(
    kind: str, seed: int, count: int, tmp_path: Path
) -> None:
    make = MakeImages(kind, seed, with_engine=select_engine() and engine_runs(kind))
    summary = run_cases(make, count, TIME_LIMIT, tmp_path, "images", quiet=True)
    assert not summary.failures, "\n".join(summary.lines("images"))
    assert summary.cases == count
    assert summary.outcomes[Outcome.REPAIRED] > 5, "deep checks and the models must be reached"
    assert len(summary.reasons) > 15


def test_mutated_checkpoints_are_refused_or_converted(tmp_path: Path) -> None:
    summary = run_cases(
        MakeCheckpoints(seed=2024), 80, TIME_LIMIT, tmp_path, "checkpoints", quiet=True
    )
    assert not summary.failures, "\n".join(summary.lines("checkpoints"))
    assert summary.outcomes[Outcome.CONVERTED] > 0
    assert len(summary.reasons) > 8


def test_mutated_pictures_get_an_answer_or_an_error(tmp_path: Path) -> None:
    count = 10 * len(VARIANTS)
    make = MakePictures(seed=2024, with_engine=select_engine() and engine_runs(IVIT.name))
    summary = run_cases(make, count, TIME_LIMIT, tmp_path, "pictures", quiet=True)
    assert not summary.failures, "\n".join(summary.lines("pictures"))
    assert summary.cases == count
    assert summary.outcomes[Outcome.READ] > count // 10 and len(summary.reasons) > 5


def test_a_picture_that_takes_much_memory_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = PictureTarget(tmp_path, seed=0, with_engine=False)
    monkeypatch.setattr(picture_cases, "MEMORY_LIMIT", -1)
    assert target.run(0).outcome is Outcome.CRASH


def test_every_kind_of_image_is_mutated() -> None:
    assert set(IMAGE_TARGETS) == {LANGUAGE_MODEL.name, IVIT.name}


def test_cases_depend_on_seed_and_index_alone(tmp_path: Path) -> None:
    left = LanguageImageTarget(tmp_path / "a", seed=1, with_engine=False)
    right = LanguageImageTarget(tmp_path / "b", seed=1, with_engine=False)
    other = LanguageImageTarget(tmp_path / "c", seed=2, with_engine=False)
    for index in (3, 0, 7):
        assert left.content(index) == right.content(index)
    assert any(left.content(index) != other.content(index) for index in range(4))


class Misbehaving(Target):
    """Dies, hangs, raises or accepts, by number."""

    def run(self, index: int) -> Verdict:
        return self.judge(lambda: misbehave(index), self.folder / "x")

    def save(self, index: int, folder: Path) -> Path:
        (folder / str(index)).touch()
        return folder / str(index)


def misbehave(index: int) -> Verdict:
    import os
    import time
    import warnings

    if index == 1:
        os.abort()
    if index == 2:
        time.sleep(60)
    if index == 3:
        raise IndexError("out of range")
    if index == 4:
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    if index == 5:
        raise ImageError("refused for 3 reasons")
    return Verdict(Outcome.SILENT)


def make_misbehaving(folder: Path) -> Misbehaving:
    return Misbehaving(folder / "m", seed=0)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_fuzzer_notices_every_kind_of_failure(tmp_path: Path) -> None:
    summary = run_cases(make_misbehaving, 7, 2.0, tmp_path, "x", quiet=True)  # type: ignore[arg-type]
    assert dict(summary.outcomes) == {
        Outcome.SILENT: 2,
        Outcome.CRASH: 3,
        Outcome.HANG: 1,
        Outcome.REFUSED: 1,
    }
    assert summary.reasons == {"refused for * reasons": 1}
    assert [index for index, _, _ in summary.failures] == [0, 1, 2, 3, 4, 6]
    assert {verdict.outcome for _, verdict, _ in summary.failures} <= set(FAILURES)
    assert sorted(path.name for path in tmp_path.glob("[0-9]")) == ["0", "1", "2", "3", "4", "6"]
