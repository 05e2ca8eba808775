# SPDX-License-Identifier: Apache-2.0
"""Whole runs through the command: a model that learns, goes on, and tells; processes together."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from testing.repository import ROOT  # noqa: E402
from training.language_model.checkpoint_folder import load_model  # noqa: E402
from training.language_model.parallel import Processes  # noqa: E402
from training.language_model.run import make_model  # noqa: E402
from training.language_model.trainer import LOG_FILE, STATE_FILE  # noqa: E402
from training.language_model.training_state import load_state  # noqa: E402
from tritforge.language_model.convert import ConversionOptions, convert  # noqa: E402
from tritforge.language_model.golden.model import GoldenModel  # noqa: E402
from tritforge.language_model.image import open_image  # noqa: E402
from tritforge.language_model.tokenizer import load_tokenizer  # noqa: E402
from tritforge_cli.main import main  # noqa: E402

#: A model that learns one verse by heart.
VERSE = (
    "One little bird sat on a tree. Two little birds came to see. "
    "Three little birds sang a song. Four little birds sang along.\n"
)
TINY = (
    *("--dim", "32", "--layers", "2", "--glu-width", "64", "--vocabulary", "300"),
    *("--length", "24", "--batch", "8", "--warm-up", "5", "--device", "cpu"),
    *("--learning-rate", "0.01"),
)
STEPS = 150


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "verse.txt"
    path.write_text(VERSE * 12, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(text: Path) -> Path:
    """Folder of a finished run."""
    folder = text.parent / "bird"
    assert main(["train", str(text), "--out", str(folder), "--steps", str(STEPS), *TINY]) == 0
    return folder


def losses(folder: Path) -> list[tuple[int, float]]:
    """(step, loss) of every line of the log."""
    with (folder / LOG_FILE).open(encoding="utf-8") as file:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "training.language_model", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def test_model_learns(trained: Path) -> None:
    course = losses(trained)
    assert course[-1][0] == STEPS
    assert course[-1][1] < 0.3 < 3 < course[0][1]


def test_golden_model_speaks_as_the_trained_one(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "bird.tritforge"
    convert(trained, path, ConversionOptions(keep_float=True))
    image = open_image(path)
    golden = GoldenModel(image)
    state = golden.new_state()
    tokens, best = [image.header.begin_token], []
    for _ in range(80):
        _, logits = golden.step(state, np.array(tokens[-1:]))
        best.append(int(logits[0].argmax()))
        tokens.append(best[-1])
    model = load_model(trained).double()
    with torch.no_grad():
        scores = model(torch.tensor([tokens[:-1]]))[0]
    simulated = scores.argmax(-1)
    # Where the two differ, the model itself must be undecided.
    chosen = scores[torch.arange(80), torch.tensor(best)]
    assert (scores.max(-1).values - chosen).max() < 0.05
    assert (simulated == torch.tensor(best)).double().mean() >= 0.97


def test_generate_tells_the_verse(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "bird.tritforge")
    assert main(["convert", str(trained), "-o", path]) == 0
    capsys.readouterr()
    prompt = "One little bird sat"
    arguments = ("--model", path, "--backend", "golden", "--temperature", "0")
    assert main(["generate", prompt, *arguments, "--max-tokens", "12"]) == 0
    assert " on a tree." in capsys.readouterr().out


def test_killed_run_goes_on_with_the_same_losses(text: Path, tmp_path: Path) -> None:
    habits = ("--save-every", "4", "--validate-every", "2")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main(["train", str(text), "--out", str(whole), "--steps", "24", *TINY, *habits]) == 0
    arguments = ["train", str(text), "--out", str(broken), "--steps", "24", *TINY, *habits]
    process = subprocess.Popen(
        command(*arguments[1:]), cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None and not (broken / STATE_FILE).exists():
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    steps_done = losses(broken)[-1][0]
    assert steps_done < 24, "the run was over before it was killed: give it more steps"
    assert main([*arguments, "--resume"]) == 0
    assert losses(broken) == losses(whole)
    one, other = (load_model(folder).state_dict() for folder in (whole, broken))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("extra", [(), ("--shard",), ("--shard", "--accumulation", "2")])
def test_two_processes_are_one(text: Path, tmp_path: Path, extra: tuple[str, ...]) -> None:
    shared = ("--steps", "8", "--validate-every", "1", *TINY)
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(["train", str(text), "--out", str(one), *shared, "--accumulation", "2"]) == 0
    launcher = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", "2", "-m", "training.language_model"),
    ]
    result = subprocess.run(
        [*launcher, str(text), "--out", str(two), *shared, *extra],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    for (_, expected), (_, actual) in zip(losses(one), losses(two), strict=True):
        assert actual == pytest.approx(expected, rel=1e-4)
    # What two processes saved, one goes on from; accumulation is an option of the run.
    if "--accumulation" not in extra:
        again = ["train", str(text), "--out", str(two), *shared, "--resume"]
        assert main(again) == 0
    one_model, two_model = load_model(one).state_dict(), load_model(two).state_dict()
    for name, tensor in one_model.items():
        assert torch.allclose(tensor, two_model[name], atol=2e-3), name


def test_tokenizer_and_held_out_text_can_be_given(
    trained: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Five little birds sat on a stone. " * 9, encoding="utf-8")
    folder = tmp_path / "run"
    given = ["train", str(text), str(text), "--out", str(folder), *TINY, "--steps", "2"]
    options = ["--tokenizer", str(trained / "tokenizer.json"), "--held-out", str(other)]
    assert main([*given, *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (folder / "tokenizer.json").read_text() == (trained / "tokenizer.json").read_text()
    tokenizer = load_tokenizer((folder / "tokenizer.json").read_bytes())
    ids = tokenizer.encode(other.read_text().strip("\n"), add_special_tokens=False).ids
    # Begin and end token are measured with it.
    assert report["validation_tokens"] == len(ids) + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch", "7", "--accumulation", "2"), "does not divide"),
        (("--kernels", "fused"), "need a GPU"),
        (("--shard", "--optimiser", "muon"), "whole matrices"),
        (("--vocabulary", "100"), "at least 259"),
        (("--resume",), "nothing to resume|no training_state.pt"),
        (("--length", "5000"), "more text"),
    ],
)
def test_mistakes_are_named(
    text: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    given = ["train", str(text), "--out", str(tmp_path / "run"), *TINY, "--steps", "2"]
    assert main([*given, *arguments]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_run_is_not_overwritten_nor_mixed(
    trained: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / STATE_FILE).read_bytes()
    given = ["train", str(text), "--out", str(trained), "--steps", str(STEPS), *TINY]
    assert main(given) == 2
    assert "give --resume" in capsys.readouterr().err
    assert main([*given, "--resume", "--learning-rate", "0.02"]) == 2
    assert "learning_rate 0.01 is not 0.02" in capsys.readouterr().err
    assert (trained / STATE_FILE).read_bytes() == before


def test_processes_start_from_the_same_weights(trained: Path) -> None:
    options = load_state(trained / STATE_FILE).options
    models = [
        make_model(options, "plain", Processes(rank, 2, torch.device("cpu"))) for rank in (0, 1)
    ]
    pairs = zip(models[0].parameters(), models[1].parameters())
    assert all(torch.equal(one, other) for one, other in pairs)
