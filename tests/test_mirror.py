# SPDX-License-Identifier: Apache-2.0
"""The tests of a module are found by its path: a/b/c.py has tests/a/b/test_c.py."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from testing.repository import ROOT

PACKAGES = ("tritforge", "codegen", "pynq_driver", "tritforge_cli", "training")
#: Module or folder without tests of its own -> where it is tested.
ELSEWHERE = {
    # Golden vectors are tested where they are used: the bench of a unit reads them.
    "codegen/language_model/vectors": "tests/proof/csim/test_csim.py",
    "codegen/ivit/vectors": "tests/proof/csim/test_row_units.py",
    "tritforge/ivit/machine/packets.py": "tests/tritforge/ivit/machine/test_golden_machine.py",
    "tritforge/ivit/golden/weight_buffer.py": (
        "tests/tritforge/ivit/machine/test_weight_stream.py"
    ),
    "codegen/ivit/constants.py": "tests/codegen/ivit/test_blueprint.py",
    "codegen/blueprint.py": "tests/codegen/test_project.py",
    "codegen/machine_blueprint.py": "tests/codegen/test_project.py",
    "codegen/ivit/network.py": "tests/proof/whole/test_ivit_machine.py",
    "codegen/ivit/processes.py": "tests/proof/whole/test_ivit_machine.py",
    "tritforge/ivit/machine/interface.py": "tests/proof/whole/test_ivit_machine.py",
    "pynq_driver/ivit/backends/machine.py": "tests/proof/whole/test_ivit_machine.py",
    "tritforge_cli/ivit/machine.py": "tests/proof/whole/test_ivit_machine.py",
    "tritforge_cli/ivit/cycles.py": "tests/proof/whole/test_ivit_machine.py",
    "tritforge_cli/ivit/perf.py": "tests/tritforge_cli/test_perf.py",
    "pynq_driver/ivit/performance.py": "tests/proof/whole/test_ivit_machine.py",
    "codegen/language_model/blueprint.py": "tests/codegen/test_project.py",
    "codegen/language_model/network.py": "tests/codegen/machine/test_network.py",
    "codegen/machine": "tests/codegen/machine/test_toy_machine.py",
    "codegen/openhls": "tests/codegen/openhls/simulate/test_proof.py",
    "codegen/model.py": "tests/codegen/test_gen.py",
    "codegen/language_model/model.py": "tests/codegen/test_gen.py",
    "codegen/ivit/model.py": "tests/codegen/ivit/test_row_units.py",
    "codegen/drawing.py": "tests/codegen/language_model/test_picture.py",
    "codegen/rtl.py": "tests/tritforge_cli/test_rtl.py",
    "codegen/route.py": "tests/tritforge_cli/test_route.py",
    "tritforge_cli/progress.py": "tests/tritforge_cli/test_rtl.py",
    "codegen/waveform.py": "tests/tritforge_cli/test_waveform.py",
    # With PYNQ: everything between the driver and a board.
    "pynq_driver/board/machine_ip.py": "tests/pynq_driver/board/test_opening.py",
    "pynq_driver/board/transport.py": "tests/pynq_driver/board/test_opening.py",
    "pynq_driver/language_model/backends/board.py": "tests/pynq_driver/board/test_opening.py",
    "pynq_driver/simulated_board/clocks.py": "tests/pynq_driver/board/test_opening.py",
    "pynq_driver/simulated_board/device.py": "tests/pynq_driver/board/test_opening.py",
    "pynq_driver/simulated_board/parsing.py": "tests/pynq_driver/board/test_opening.py",
    "pynq_driver/simulated_board/interrupt.py": "tests/pynq_driver/board/test_interrupt.py",
    "pynq_driver/simulated_board/overlay.py": "tests/tritforge_cli/test_simulate.py",
    "tritforge/boards/families.py": "tests/tritforge/boards/test_block_design.py",
    "pynq_driver/devices": "tests/codegen/machine/test_toy_machine.py",
    "pynq_driver/language_model/pipeline/cpu_part.py": (
        "tests/pynq_driver/language_model/pipeline/test_backend.py"
    ),
    "pynq_driver/language_model/pipeline/follower.py": (
        "tests/pynq_driver/language_model/pipeline/test_backend.py"
    ),
    "pynq_driver/language_model/pipeline/golden_part.py": (
        "tests/pynq_driver/language_model/pipeline/test_backend.py"
    ),
    "pynq_driver/language_model/pipeline/opening.py": (
        "tests/pynq_driver/language_model/pipeline/test_backend.py"
    ),
    "pynq_driver/language_model/pipeline/stage.py": (
        "tests/pynq_driver/language_model/pipeline/test_backend.py"
    ),
    "pynq_driver/language_model/pipeline/ranks.py": (
        "tests/pynq_driver/language_model/pipeline/test_mpi.py"
    ),
    "pynq_driver/language_model/session.py": (
        "tests/pynq_driver/language_model/backends/test_machine.py"
    ),
    # Log probabilities of answers.
    "pynq_driver/language_model/token_text.py": "tests/pynq_driver/serving/test_application.py",
    # Requests go through all of them on their way.
    "pynq_driver/serving": "tests/pynq_driver/serving/test_application.py",
    "pynq_driver/ivit/backends/base.py": "tests/pynq_driver/ivit/backends/test_reference.py",
    # Checkpoints of the language model go through all of it.
    "tritforge/checkpoint": "tests/tritforge/language_model/convert/test_checkpoint.py",
    "pynq_driver/loading.py": "tests/pynq_driver/ivit/test_model.py",
    "tritforge/ivit/convert/checkpoint.py": "tests/tritforge/ivit/convert/test_converter.py",
    "tritforge/ivit/convert/configuration.py": "tests/tritforge/ivit/convert/test_converter.py",
    "tritforge_cli/ivit/arguments.py": "tests/tritforge_cli/test_classify.py",
    "tritforge_cli/ivit/info.py": "tests/tritforge_cli/ivit/test_convert.py",
    "tritforge/ivit/array_layout.py": "tests/tritforge/ivit/test_image.py",
    "tritforge/ivit/image_header.py": "tests/tritforge/ivit/test_image.py",
    # A toy kind goes through all parts of the container.
    "tritforge/container": "tests/tritforge/container/test_second_kind.py",
    # What stands in for a file of a checkpoint.
    "tritforge/lfs.py": "tests/tritforge/language_model/convert/test_checkpoint.py",
    "tritforge/errors.py": "tests/tritforge_cli/test_main.py",
    "tritforge/ivit/golden/linear.py": "tests/tritforge/ivit/golden/test_model.py",
    "tritforge/ivit/golden/trace.py": "tests/tritforge/ivit/golden/test_model.py",
    "tritforge/ivit/sites.py": "tests/tritforge/ivit/test_parameters.py",
    # Parts of units: the unit's own tests, and those of the whole golden machine.
    "tritforge/language_model/golden/bit_linear.py": (
        "tests/tritforge/language_model/golden/test_model.py"
    ),
    "tritforge/language_model/golden/machine.py": "tests/proof/whole/test_golden_machine.py",
    "tritforge/language_model/golden/packet_reader.py": (
        "tests/tritforge/language_model/golden/test_sequencer.py"
    ),
    "tritforge/language_model/golden/program_check.py": (
        "tests/tritforge/language_model/golden/test_sequencer.py"
    ),
    # Benches compare steps.
    "tritforge/language_model/golden/timing.py": "tests/proof/csim/test_golden_units.py",
    "tritforge/language_model/image_header.py": "tests/tritforge/language_model/test_image.py",
    "tritforge/language_model/wire": "tests/tritforge/language_model/wire/test_words.py",
    "tritforge/language_model/fidelity.py": "tests/proof/whole/test_fidelity.py",
    "tritforge/language_model/golden/piecewise_linear.py": (
        "tests/tritforge/language_model/golden/test_sigmoid.py"
    ),
    "tritforge/language_model/golden/shift_sigmoid.py": (
        "tests/tritforge/language_model/golden/test_sigmoid.py"
    ),
    # Parts of the network: its integers are compared with the golden model's.
    "training/ivit/layers.py": "tests/training/ivit/test_model.py",
    "training/ivit/sites.py": "tests/training/ivit/test_model.py",
    # The model on kernels against the plain one.
    "training/language_model/fused_channel_mixer.py": (
        "tests/training/language_model/test_fused_model.py"
    ),
    "training/language_model/fused_head.py": "tests/training/language_model/test_fused_model.py",
    "training/language_model/fused_token_mixer.py": (
        "tests/training/language_model/test_fused_model.py"
    ),
    "training/language_model/graphed_gradients.py": (
        "tests/training/language_model/test_fused_model.py"
    ),
    "training/language_model/matrix_products.py": (
        "tests/training/language_model/test_fused_model.py"
    ),
    "training/language_model/kernels/rows.py": (
        "tests/training/language_model/kernels/test_norm_quantise.py"
    ),
    # The plain model against the float64 reference.
    "training/language_model/channel_mixer.py": "tests/training/language_model/test_model.py",
    "training/language_model/token_mixer.py": "tests/training/language_model/test_model.py",
    "training/language_model/checkpoint_folder.py": "tests/training/language_model/test_model.py",
    "training/language_model/loss_plot.py": "tests/training/language_model/test_loss_log.py",
    # Whole runs, also by two processes and after a kill.
    "training/language_model/parallel.py": "tests/training/language_model/test_run.py",
    "training/language_model/trainer.py": "tests/training/language_model/test_run.py",
    "training/language_model/training_state.py": "tests/training/language_model/test_run.py",
    "training/language_model/whole_state.py": "tests/training/language_model/test_optimisers.py",
    "tritforge_cli/train.py": "tests/training/language_model/test_run.py",
    "tritforge_cli/vitis_hls.py": "tests/tritforge_cli/test_overlay.py",
    "tritforge_cli/arguments.py": "tests/tritforge_cli/test_main.py",
    "tritforge_cli/machine.py": "tests/proof/whole/test_machine.py",
    # Commands in processes of their own, with streams, disks and signals that fail.
    "tritforge_cli/output.py": "tests/tritforge_cli/test_streams.py",
    "tritforge_cli/signals.py": "tests/tritforge_cli/test_streams.py",
    "tritforge_cli/perf_report.py": "tests/tritforge_cli/test_perf.py",
}


def defines_functions(path: Path) -> bool:
    """Whether there is anything to call; a module of names and types needs no test."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))


MODULES = sorted(
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if defines_functions(path)
)


def place_of_tests(module: Path) -> Path:
    """Where the tests of a module belong; those of a package's own file lie beside its folder."""
    place = module.parent if module.name == "__init__.py" else module.with_suffix("")
    return Path("tests", place.parent, f"test_{place.name.strip('_')}.py")


def is_elsewhere(module: Path) -> bool:
    """Whether the list names the module or a folder that it lies in."""
    return any(item.as_posix() in ELSEWHERE for item in (module, *module.parents))


WITHOUT = [module for module in MODULES if not (ROOT / place_of_tests(module)).is_file()]


@pytest.mark.parametrize("module", WITHOUT, ids=str)
def test_module_is_tested_elsewhere(module: Path) -> None:
    assert is_elsewhere(module), (
        f"write {place_of_tests(module)}, or say in ELSEWHERE where {module} is tested"
    )


def test_most_modules_have_tests_at_their_path() -> None:
    assert len(MODULES) > 150
    assert len(WITHOUT) < len(MODULES) - 70


@pytest.mark.parametrize("name", ELSEWHERE)
def test_elsewhere_exists_and_is_needed(name: str) -> None:
    assert (ROOT / ELSEWHERE[name]).is_file()
    inside = [item for item in WITHOUT if name in {p.as_posix() for p in (item, *item.parents)}]
    assert inside, f"every module of {name} has tests at its path: take it out of the list"


def test_no_test_lies_in_a_folder_that_mirrors_nothing() -> None:
    """Folders of tests are those of the repository, and tests/proof for what proves the whole."""
    own = {"data", "proof"}
    for folder in (path for path in (ROOT / "tests").rglob("*") if path.is_dir()):
        place = folder.relative_to(ROOT / "tests")
        has_tests = any(folder.glob("test_*.py"))
        assert not has_tests or place.parts[0] in own or (ROOT / place).is_dir(), place
