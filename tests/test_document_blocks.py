# SPDX-License-Identifier: Apache-2.0
"""Every command and Python block of README and docs is executed, or says here why it is not.

docs/tutorial.md has a test of its own. What takes minutes has the marker `slow`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynq_driver import EMBEDDED_MODEL
from testing.openhls.proof_cases import EXAMPLES
from testing.random_model import SMALL_SHAPE
from testing.repository import ROOT
from testing.serve_process import running_server
from tritforge.language_model.convert.random_checkpoint import write_random_checkpoint

DOCUMENTS = [Path(name) for name in ("README.md", "CONTRIBUTING.md")] + sorted(
    path.relative_to(ROOT) for path in (ROOT / "docs").glob("*.md")
)
TUTORIAL = Path("docs/tutorial.md")
#: Commands that no test executes as they stand, and why.
NOT_RUN = {
    r"make (demo|test|csim|board)": "it is the suite, or set-up that runs before it",
    r"tritforge (simulate|doctor|selftest|generate .*--backend pynq)": "an environment with pynq; "
    "make board runs the same",
    r"\. \.venv/bin/activate": "the tests run in that environment",
    r"(~/\S*)?pip install|TRITFORGE_PURE_PYTHON=1 pip|python3 -m venv": "tests/test_packaging.py "
    "builds and installs wheels",
    r"~/tritforge/bin/tritforge|mpirun --hostfile": "it needs PYNQ boards",
    r"sudo apt": "it changes the computer",
    r"mpirun -n": "tests/pynq_driver/language_model/pipeline/test_mpi.py starts the same",
    r"pytest ": "it is a part of the suite",
    r"python -m benchmarks\.(three_way|machine_faults|ivit_machine )": "minutes; slow tests run "
    "the same",
    r"tritforge serve": "the test of the server below runs it on a free port",
    r"curl ": "the test of the server below",
    r"lm_eval ": "it needs lm-evaluation-harness and a task",
    r"python -m (training\.|benchmarks\.ivit_accuracy)": "it needs a data set, PyTorch and hours",
    r"python -m benchmarks\.(train_scaling|python_sources)": "it needs a GPU or downloads",
    r"tritforge (train|convert stories|generate --model stories)": "training needs PyTorch, and "
    "takes minutes; the others take its result",
    r"tritforge (classify|evaluate --images)": "it needs pictures and a trained vision model",
    r"tritforge convert (int8|trained/|\S+\.pth)": "it needs a trained vision model",
    r".*--waveform (one|machine)\.vcd": "it writes more than 2 GB; tests use a small machine",
}
#: Commands of minutes, with an empty cache.
SLOW = (
    r".*(--backend (csim|rtl|golden)|tritforge (rtl|synth|perf)|cmake|openhls synth"
    r"|gen\.py --dim 2048)"
)
_SHELL = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    (?:tritforge|python|make|pytest|pip) .*\n)+", re.MULTILINE)
_TIMEOUT_S = 1800
SERVER = "http://127.0.0.1:8000"
#: What stands before a fragment of Python that begins in the middle.
PRELUDES = {
    "docs/cpu-engine.md": """
from pynq_driver import load
from pynq_driver._engine import Sampler
engine = load(threads=1).backend.engine
contexts = [engine.context() for _ in range(2)]
tokens, prompts = [1, 2], [[1, 5], [7]]
sampler, context = Sampler(0.8, 0, 1.0, 1), contexts[0]
"""
}


def commands(document: Path) -> Iterator[str]:
    """Lines of shell blocks and indented commands; a backslash joins two of them."""
    text = (ROOT / document).read_text(encoding="utf-8")
    parts = _SHELL.findall(text) + _INDENTED.findall(_FENCE.sub("", text))
    for part in parts:
        prompt = "$ " in part
        for line in part.replace("\\\n", " ").splitlines():
            if line.strip() and (not prompt or line.startswith("$ ")):
                yield re.sub(r"\s{2,}#.*", "", line.strip().removeprefix("$ ")).strip()


def all_commands() -> list[str]:
    found = [line for document in DOCUMENTS if document != TUTORIAL for line in commands(document)]
    return list(dict.fromkeys(found))


def executed() -> list[str]:
    """Commands that are run."""
    return [line for line in all_commands() if not any(re.match(item, line) for item in NOT_RUN)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name, and programs of this environment."""
    folder = tmp_path_factory.mktemp("reader")
    tools = folder / "bin"
    tools.mkdir()
    for name, module in (("python", ""), ("tritforge", "-m tritforge ")):
        program = tools / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n', encoding="utf-8")
        program.chmod(0o755)
    (folder / "codegen").symlink_to(ROOT / "codegen")
    (ROOT / "build").mkdir(exist_ok=True)
    (folder / "build").symlink_to(ROOT / "build")
    stories = (ROOT / "tests" / "data" / "held_out_stories.txt").read_text(encoding="utf-8")
    (folder / "stories.txt").write_text(stories[:1500], encoding="utf-8")
    for name in ("model.tritforge", "370m.tritforge"):
        shutil.copyfile(EMBEDDED_MODEL, folder / name)
    for name in ("MMfreeLM-370M", "stories"):
        write_random_checkpoint(folder / name, SMALL_SHAPE, 1)
    kernel = EXAMPLES.read_text(encoding="utf-8").replace("void counter(", "void step(")
    (folder / "kernel.cpp").write_text(kernel, encoding="utf-8")
    return folder


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in the reader's folder."""
    return subprocess.run(
        ["bash", "-ec", line],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def run_line(line: str, folder: Path) -> None:
    result = shell(line.replace("/tmp/csim", "csim"), folder)
    assert result.returncode == 0, f"{line}\n{result.stdout[-1000:]}{result.stderr[-2000:]}"


def test_every_exception_is_needed() -> None:
    for pattern in NOT_RUN:
        assert any(re.match(pattern, line) for line in all_commands()), pattern
    assert len(all_commands()) >= 30 and len(executed()) >= 20


@pytest.mark.parametrize("line", [line for line in executed() if not re.match(SLOW, line)])
def test_command(line: str, reader: Path) -> None:
    run_line(line, reader)


@pytest.mark.slow
def test_all_commands(reader: Path) -> None:
    """In their order: one may need what another wrote."""
    for line in executed():
        run_line(line, reader)


def python_blocks() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        if document != TUTORIAL:
            for block in _PYTHON.findall((ROOT / document).read_text(encoding="utf-8")):
                yield document, block


def test_python_blocks(reader: Path) -> None:
    """All but those that need a server, the compiled machine or a trained vision model.

    The block of docs/training.md runs where the extra `train` is installed.
    """
    run = 0
    can_train = importlib.util.find_spec("transformers") and importlib.util.find_spec("torch")
    for document, block in python_blocks():
        if re.search("openai|build_csim_library|classify", block):
            continue
        if "import torch" in block and not can_train:
            continue
        (reader / "block.py").write_text(PRELUDES.get(str(document), "") + block, encoding="utf-8")
        result = shell("python block.py", reader)
        assert result.returncode == 0, f"{document}: {result.stderr[-2000:]}"
        run += 1
    assert run >= 2


@pytest.mark.slow
def test_python_block_with_a_compiled_machine(reader: Path) -> None:
    (block,) = (block for _, block in python_blocks() if "build_csim_library" in block)
    (reader / "block.py").write_text(block, encoding="utf-8")
    result = shell("python block.py", reader)
    assert result.returncode == 0, result.stderr[-2000:]


def test_server_and_its_clients(reader: Path) -> None:
    """`tritforge serve` as the documents start it, on a free port; then curl and the client."""
    found = [line for line in all_commands() if line.startswith("tritforge serve")]
    serving = [line for line in found if "deit" not in line]
    # A picture goes to another route, of a trained vision model.
    clients = [line for line in all_commands() if re.match("curl .*completions", line)]
    (block,) = (block for _, block in python_blocks() if "openai" in block)
    assert len(serving) >= 2 and len(clients) >= 2
    for line in serving:
        options = shlex.split(line.replace("370m", str(reader / "370m")))[2:]
        with running_server([*options, "--threads", "1"]) as (url, _):
            if line != serving[0]:
                continue
            if shutil.which("curl"):
                for client in clients:
                    answer = shell(client.replace(SERVER, url), reader)
                    assert '"choices"' in answer.stdout, answer.stderr
            (reader / "block.py").write_text(block.replace(SERVER, url), encoding="utf-8")
            answer = shell("python block.py", reader)
            assert answer.returncode == 0 and answer.stdout, answer.stderr[-2000:]
