# SPDX-License-Identifier: Apache-2.0
"""The notebooks, executed as they are without a head, and what they print and draw.

The first two need pynq, which `make board` installs; the others run in every environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynq_driver import load, notebooks
from testing.random_model import random_image
from tritforge.boards import load_board, memory_values
from tritforge.ivit.config import ShiftgeluConfig
from tritforge.ivit.golden.shift_exponential import sigmoid_x0_magnitude_of
from tritforge.ivit.golden.shiftgelu import shiftgelu
from tritforge.ivit.reference import gelu
from tritforge.language_model.config import ModelShape

FOLDER = Path(notebooks.__file__).parent
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
_TIMEOUT_S = 900


@pytest.fixture(scope="module")
def pynq() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("pynq", reason="pynq is not installed: make board")
    if found.__version__.startswith("4."):
        pytest.skip("pynq 4 dropped the PYNQ-Z2, for which the notebooks are")
    return found


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of a kernel of this environment, which may have no kernel installed."""
    specification = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(specification))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("TRITFORGE_OVERLAY", "")
    for name in ("PYTHONWARNINGS", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    yield tmp_path
    asyncio.set_event_loop(None)


def executed(name: str, folder: Path) -> tuple[str, int]:
    """Everything a notebook printed, and how many pictures it drew; an error in it is raised."""
    nbformat = pytest.importorskip("nbformat", reason="needs pip install '.[notebook]'")
    client = pytest.importorskip("nbclient", reason="needs pip install '.[notebook]'")
    notebook = nbformat.read(FOLDER / name, as_version=4)
    client.NotebookClient(
        notebook,
        timeout=_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    outputs = [item for cell in notebook.cells for item in cell.get("outputs", [])]
    printed = "".join(item.text for item in outputs if item.get("name") == "stdout")
    return printed, sum("image/png" in item.get("data", {}) for item in outputs)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_stripped(name: str) -> None:
    """No outputs, counts, or marks of a machine: a run by somebody leaves no difference behind."""
    document = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert set(document["metadata"]) == {"kernelspec", "language_info"}
    assert document["metadata"]["language_info"] == {"name": "python"}
    for cell in document["cells"]:
        assert cell["metadata"] == {}
        assert not cell.get("outputs") and cell.get("execution_count") is None
    numbers = [item.partition("_")[0] for item in NOTEBOOKS]
    assert numbers == [str(index + 1) for index in range(len(NOTEBOOKS))]


@pytest.mark.csim
@pytest.mark.filterwarnings("ignore")
def test_first_tokens(pynq: Any, kernel: Path) -> None:
    printed, _ = executed("1_first_tokens.ipynb", kernel)
    generation = load(backend="golden").generate("Once upon a time", max_tokens=12, seed=2)
    text = "Once upon a time" + "".join(generation)
    assert "stories-17m on the simulated TUL PYNQ-Z2, built for 125 MHz" in printed
    assert text in printed
    assert f"board : {generation.tokens}\n" in printed
    bound = re.search(r"modelled: at most (\d+) tokens/s", printed)
    assert bound is not None
    assert int(bound[1]) == round(2e9 / load().image.sections["weights"].bytes)


@pytest.mark.cosim
@pytest.mark.filterwarnings("ignore")
def test_inside_the_machine(pynq: Any, kernel: Path) -> None:
    printed, pictures = executed("2_inside_the_machine.ipynb", kernel)
    assert pictures == 2
    found = {
        name: int(value.replace(",", ""))
        for name, value in re.findall(r"^(\w+) +([\d,]+)$", printed, re.MULTILINE)
    }
    # Beats of 16 rows and 5 columns: four matrices of 96 x 96, three of 96 x 128, and the head.
    layer = 4 * 6 * 20 + 2 * 8 * 20 + 6 * 26
    assert found["array_beats"] == 2 * layer + 25 * 20
    assert f"array cycles {found['cycles']} of {found['cycles']} cycles" in printed
    offered = memory_values(load_board("pynq-z2"))["bytes_per_cycle"]
    share = found["array_beats"] * 16 / found["cycles"] / min(offered, 16)
    assert f"stream utilisation {share:.1%}" in printed
    assert "modelled 370m" in printed and "modelled 2.7b" in printed
    assert re.search(r"machine: [\d.]+ ms for a token \(modelled cycles", printed)


@pytest.mark.csim
@pytest.mark.filterwarnings("ignore")
def test_your_own_model(kernel: Path, tmp_path: Path) -> None:
    printed, _ = executed("3_your_own_model.ipynb", kernel)
    image = random_image(tmp_path / "same", ModelShape(72, 2, 104, 300))
    generation = load(image.path, backend="golden").generate("Once", max_tokens=8, temperature=0)
    assert "".join(generation)
    for name in ("machine", "golden "):
        assert f"{name}: {generation.tokens}\n" in printed
    assert "equal" in printed
    command = re.search(r"tritforge overlay (.*)", printed)
    assert command is not None
    assert command[1] == (
        "--dim 72 --layers 2 --glu-width 104 --vocabulary 300 --ports 2 --board pynq-z2"
    )


@pytest.mark.filterwarnings("ignore")
def test_shiftmax_and_shiftgelu(kernel: Path) -> None:
    printed, pictures = executed("4_shiftmax_and_shiftgelu.ipynb", kernel)
    assert pictures == 2
    scale, codes = 8 / 127, np.arange(-127, 128)
    integers = shiftgelu(codes, sigmoid_x0_magnitude_of(scale), ShiftgeluConfig(row=256))
    error = np.abs(integers * scale / 128 - gelu(codes * scale))
    assert f"shiftgelu largest error {error.max():.5f}, mean {error.mean():.6f}" in printed
    largest = [float(value) for value in re.findall(r"bits: largest error ([\d.]+)", printed)]
    assert len(largest) == 3 and largest[0] > largest[1] > largest[2] > 0
    first = re.search(r"shiftmax  largest error ([\d.]+)", printed)
    assert first is not None and 0 < float(first[1]) < 0.03
    assert "no probability above that of the largest score: 100% of the rows" in printed
