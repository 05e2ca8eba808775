# SPDX-License-Identifier: Apache-2.0
"""Every room of the repository and the rooms whose modules it may import."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from testing.repository import ROOT
from tests.layers import find_circle, imported_names, python_modules, room_of, wrong_rooms

PACKAGES = (
    *("tritforge", "codegen", "pynq_driver", "tritforge_cli"),
    *("training", "testing", "tests", "benchmarks"),
)
MODULES = python_modules(ROOT, PACKAGES)

GROUND = ("tritforge", "tritforge.boards", "tritforge.container", "tritforge.checkpoint")
LANGUAGE_MODEL = (
    *("tritforge.language_model", "tritforge.language_model.wire"),
    *("tritforge.language_model.interface", "tritforge.language_model.golden"),
)
IVIT = ("tritforge.ivit", "tritforge.ivit.golden")
#: What runs a vision model, from its image to its integers.
IVIT_MODEL = (
    *(*IVIT, "tritforge.ivit.quantise", "tritforge.ivit.preprocessing"),
    *("tritforge.ivit.image", "tritforge.ivit.image_header"),
)
SOURCES = ("codegen.sources", "codegen.rendering", "codegen.output", "codegen.vector_file")
REGISTERS = ("codegen.constants", "codegen.register_file")
BLUEPRINT = (
    *("codegen.blueprint", "codegen.machine_blueprint", "codegen.model", "codegen.project"),
    "codegen.drawing",
)
GENERATOR = (*SOURCES, *REGISTERS, "codegen.openhls", "codegen.machine", *BLUEPRINT)
DRIVER_GROUND = (
    *("pynq_driver.processors", "pynq_driver._engine", "pynq_driver.native_engine"),
    "pynq_driver.devices",
)
BOARD = ("pynq_driver.board", "pynq_driver.simulated_board")
DRIVER = (
    *DRIVER_GROUND,
    *("pynq_driver.language_model", "pynq_driver.language_model.backends"),
    *("pynq_driver.language_model.pipeline", "pynq_driver.language_model.backends.opening"),
    "pynq_driver.language_model.backends.automatic",
    *("pynq_driver.language_model.contexts", "pynq_driver.language_model.evaluation"),
    "pynq_driver.language_model.model",
)

VISION_DRIVER = ("tritforge.ivit.image", "pynq_driver.ivit", "pynq_driver.ivit.backends")

#: Room -> rooms that it may import from. A room is a folder or, where the modules of one folder lie
#: on different floors, a module; a module lies in the innermost room whose name it begins with.
TABLE: dict[str, tuple[str, ...]] = {
    # The ground floor, and one wing for each model.
    "tritforge": (),
    "tritforge.boards": ("tritforge",),
    "tritforge.container": ("tritforge",),
    "tritforge.checkpoint": ("tritforge",),
    "tritforge.language_model.config": GROUND,
    "tritforge.language_model": GROUND,
    "tritforge.language_model.wire": (*GROUND, "tritforge.language_model"),
    "tritforge.language_model.interface": (*GROUND, *LANGUAGE_MODEL[:2]),
    "tritforge.language_model.golden": (*GROUND, *LANGUAGE_MODEL[:3]),
    "tritforge.language_model.reference": (*GROUND, *LANGUAGE_MODEL),
    "tritforge.language_model.fidelity": (
        *(*GROUND, *LANGUAGE_MODEL),
        "tritforge.language_model.reference",
    ),
    "tritforge.language_model.convert": (
        *(*GROUND, *LANGUAGE_MODEL),
        "tritforge.language_model.reference",
    ),
    "tritforge.ivit": GROUND,
    "tritforge.ivit.golden": (*GROUND, "tritforge.ivit"),
    "tritforge.ivit.machine": (*GROUND, *IVIT),
    "tritforge.ivit.quantise": (*GROUND, *IVIT),
    "tritforge.ivit.preprocessing": (*GROUND, *IVIT, "tritforge.ivit.quantise"),
    "tritforge.ivit.calibrate": (*GROUND, *IVIT, "tritforge.ivit.quantise"),
    "tritforge.ivit.model_quantiser": (
        *(*GROUND, *IVIT, "tritforge.ivit.quantise"),
        *("tritforge.ivit.preprocessing", "tritforge.ivit.calibrate"),
    ),
    "tritforge.ivit.array_layout": (*GROUND, *IVIT, "tritforge.ivit.quantise"),
    "tritforge.ivit.image_header": (
        *(*GROUND, *IVIT, "tritforge.ivit.quantise", "tritforge.ivit.preprocessing"),
        "tritforge.ivit.array_layout",
    ),
    "tritforge.ivit.image": (
        *(*GROUND, *IVIT, "tritforge.ivit.quantise", "tritforge.ivit.preprocessing"),
        *("tritforge.ivit.array_layout", "tritforge.ivit.image_header"),
    ),
    "tritforge.ivit.convert": (
        *(*GROUND, *IVIT_MODEL, "tritforge.ivit.array_layout"),
        *("tritforge.ivit.calibrate", "tritforge.ivit.model_quantiser"),
    ),
    # The generator: what knows no machine, the open flow, machines in general, then each model's.
    "codegen.sources": ("tritforge",),
    "codegen.rendering": ("tritforge",),
    "codegen.output": ("tritforge",),
    "codegen.vector_file": ("tritforge",),
    "codegen.constants": ("tritforge",),
    "codegen.register_file": ("tritforge", *SOURCES),
    "codegen.openhls": ("tritforge", "codegen.sources"),
    "codegen.openhls.__main__": ("tritforge", *SOURCES, "codegen.openhls"),
    "codegen.machine": (*GROUND, *SOURCES, *REGISTERS, "codegen.openhls"),
    "codegen.blueprint": (*GROUND, "codegen.constants", "codegen.machine"),
    "codegen.machine_blueprint": (
        *(*GROUND, "codegen.constants", "codegen.machine", "codegen.blueprint"),
    ),
    "codegen.model": ("tritforge", "codegen.blueprint"),
    "codegen.project": (
        *(*GROUND, *SOURCES, *REGISTERS, "codegen.openhls", "codegen.machine"),
        "codegen.blueprint",
    ),
    "codegen.drawing": ("tritforge",),
    "codegen.overlay": (*GROUND, "codegen.rendering", "codegen.register_file"),
    "codegen.language_model": (*GROUND, *LANGUAGE_MODEL, *GENERATOR),
    "codegen.language_model.vectors": (
        *(*GROUND, *LANGUAGE_MODEL),
        *("codegen.vector_file", "codegen.language_model"),
    ),
    "codegen.language_model.vector_files": (*LANGUAGE_MODEL, "codegen.language_model.vectors"),
    "codegen.language_model.blueprint": (
        *(*GROUND, *LANGUAGE_MODEL, *GENERATOR),
        *("codegen.language_model", "codegen.language_model.vector_files"),
    ),
    "codegen.language_model.model": (
        *(*GROUND, "tritforge.language_model", *GENERATOR),
        *("codegen.language_model", "codegen.language_model.blueprint"),
    ),
    "codegen.language_model.picture": (
        *(*GROUND, "tritforge.language_model", *GENERATOR),
        *("codegen.language_model", "codegen.language_model.blueprint"),
    ),
    "codegen.ivit.vectors": (*GROUND, *IVIT, "tritforge.ivit.machine", "codegen.vector_file"),
    "codegen.ivit": (
        *(*GROUND, *IVIT, "tritforge.ivit.machine", *GENERATOR),
        "codegen.ivit.vectors",
    ),
    "codegen": (
        *(*GROUND, *LANGUAGE_MODEL, *IVIT, *GENERATOR),
        *("codegen.language_model", "codegen.language_model.blueprint", "codegen.ivit"),
        "codegen.language_model.model",
    ),
    # The driver: devices know no model.
    "pynq_driver._engine": (),
    "pynq_driver.processors": ("tritforge",),
    "pynq_driver.native_engine": ("tritforge", "pynq_driver._engine"),
    "pynq_driver.devices": GROUND,
    "pynq_driver.board": (*GROUND, "pynq_driver.devices"),
    "pynq_driver.simulated_board": (*GROUND, "pynq_driver.devices", "pynq_driver.board"),
    "pynq_driver.language_model": (
        *(*GROUND, "tritforge.language_model"),
        *("tritforge.language_model.wire", "tritforge.language_model.interface"),
        *("pynq_driver.devices", "pynq_driver.processors"),
    ),
    "pynq_driver.language_model.backends": (
        *(*GROUND, *LANGUAGE_MODEL, "tritforge.language_model.reference"),
        *(*DRIVER_GROUND, *BOARD, "pynq_driver.language_model"),
    ),
    "pynq_driver.language_model.pipeline": (
        *("tritforge", "tritforge.language_model", "tritforge.language_model.golden"),
        *("pynq_driver._engine", "pynq_driver.language_model"),
        "pynq_driver.language_model.backends",
    ),
    "pynq_driver.language_model.backends.opening": (
        *("tritforge", "tritforge.language_model", "pynq_driver.devices"),
        *("pynq_driver.language_model.backends", "pynq_driver.language_model.pipeline"),
    ),
    "pynq_driver.language_model.backends.automatic": (
        *("tritforge", "tritforge.language_model", "tritforge.language_model.interface"),
        *("pynq_driver.board", "pynq_driver.language_model.backends"),
        "pynq_driver.language_model.backends.opening",
    ),
    "pynq_driver.language_model.contexts": (
        *("tritforge", "tritforge.language_model"),
        *("pynq_driver.language_model", "pynq_driver.language_model.backends"),
    ),
    "pynq_driver.language_model.evaluation": (
        *("tritforge", "tritforge.language_model"),
        *("pynq_driver.language_model", "pynq_driver.language_model.backends"),
        "pynq_driver.language_model.contexts",
    ),
    "pynq_driver.language_model.known_answer": (
        *("tritforge", "pynq_driver.language_model", "pynq_driver.language_model.backends"),
    ),
    "pynq_driver.language_model.model": (
        *("tritforge", "tritforge.language_model"),
        *("pynq_driver.language_model", "pynq_driver.language_model.backends"),
        "pynq_driver.language_model.backends.opening",
        "pynq_driver.language_model.backends.automatic",
        *("pynq_driver.language_model.contexts", "pynq_driver.language_model.evaluation"),
    ),
    "pynq_driver.ivit": (
        *(*GROUND, *IVIT_MODEL, "tritforge.ivit.machine"),
        *("pynq_driver.devices", "pynq_driver.ivit.backends"),
    ),
    "pynq_driver.ivit.backends": (
        *(*GROUND, *IVIT_MODEL, "tritforge.ivit.machine", *DRIVER_GROUND),
    ),
    # What PYNQ looks for: files, and no modules.
    "pynq_driver.notebooks": (),
    "pynq_driver.overlays": (),
    "pynq_driver": (*GROUND, "tritforge.language_model", *DRIVER, *VISION_DRIVER),
    "pynq_driver.serving": (
        *("tritforge", "tritforge.language_model", *DRIVER, *VISION_DRIVER, "pynq_driver"),
    ),
    # Training: checkpoints that the converters take.
    "training": (),
    "training.common": ("tritforge",),
    "training.stories": ("tritforge", "pynq_driver.language_model.evaluation"),
    "training.language_model.kernels": (
        *(*GROUND, *LANGUAGE_MODEL),
        *("tritforge.language_model.reference", "tritforge.language_model.convert"),
    ),
    "training.language_model": (
        *(*GROUND, *LANGUAGE_MODEL),
        *("tritforge.language_model.reference", "tritforge.language_model.convert"),
        *("pynq_driver.language_model.evaluation", "training.language_model.kernels"),
        "training.common",
    ),
}
#: Folder -> modules of it that lie beneath the rest of it; who sees the folder sees them.
BENEATH = {
    "tritforge.language_model": ("tritforge.language_model.config",),
}
for folder, beneath in BENEATH.items():
    TABLE = {
        room: (*seen, *beneath) if folder in seen or room == folder else seen
        for room, seen in TABLE.items()
    }
PRODUCT = tuple(TABLE)
#: Training knows no backend and no generator; pictures are read as a model in use reads them.
TABLE |= {
    "training.ivit": (
        *(*GROUND, *IVIT, "tritforge.ivit.quantise", "tritforge.ivit.preprocessing"),
        *("tritforge.ivit.model_quantiser", "training.common", "pynq_driver.ivit"),
        "tritforge.ivit.convert",
    ),
}
TABLE |= {
    "tritforge_cli": PRODUCT,
    "tritforge.__main__": ("tritforge_cli",),
    "training.language_model.__main__": ("tritforge_cli",),
    # Tests and benchmarks stand on common ground, and do not see each other.
    "testing": (*PRODUCT, "tritforge_cli", "testing.faults"),
    "testing.faults": ("tritforge",),
    "testing.fuzzing": (*PRODUCT, "tritforge_cli", "testing"),
    "testing.openhls": (*PRODUCT, "testing"),
}
EVERYTHING = tuple(TABLE)
TABLE |= {"tests": EVERYTHING, "benchmarks": EVERYTHING}

#: Rooms whose folders below belong to them.
WITH_ALL_BELOW = ("codegen.openhls", "tritforge_cli", "tests", "benchmarks")


def test_every_folder_of_modules_is_a_room() -> None:
    for name, path in MODULES.items():
        folder = name if path.stem == "__init__" else name.rpartition(".")[0]
        below = any(f"{folder}.".startswith(f"{room}.") for room in WITH_ALL_BELOW)
        assert folder in TABLE or below, f"{folder} is in no table: say whom it may import"


def test_every_room_of_the_table_exists() -> None:
    rooms = {room for allowed in TABLE.values() for room in allowed} | set(TABLE)
    assert rooms <= set(TABLE) <= set(MODULES)


def test_rooms_stand_on_floors() -> None:
    assert not find_circle({room: set(seen) - {room} for room, seen in TABLE.items()})


def test_modules_import_what_the_table_says() -> None:
    wrong = {
        name: wrong_rooms(name, path.read_text(encoding="utf-8"), TABLE, MODULES)
        for name, path in MODULES.items()
    }
    assert not {name: rooms for name, rooms in wrong.items() if rooms}


def test_modules_form_no_circle() -> None:
    arrows = {
        name: imported_names(path.read_text(encoding="utf-8"), MODULES) & set(MODULES) - {name}
        for name, path in MODULES.items()
    }
    assert not find_circle(arrows)


@pytest.mark.parametrize(
    ("module", "source", "room"),
    [
        ("tritforge.errors", "from codegen.output import write_project", "codegen.output"),
        ("tritforge.ivit.config", "import tritforge.language_model.image", LANGUAGE_MODEL[0]),
        ("codegen.openhls.flow", "from codegen import gen", "codegen"),
        (
            "codegen.openhls.translate.top",
            "def model():\n    from tritforge.language_model.golden import GoldenModel",
            "tritforge.language_model.golden",
        ),
        (
            "codegen.machine.core",
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from tritforge.language_model import image",
            "tritforge.language_model",
        ),
        (
            "pynq_driver.devices.compiled",
            "from pynq_driver.language_model.words import MachineWords",
            "pynq_driver.language_model",
        ),
        ("pynq_driver.language_model.words", "import codegen.gen", "codegen"),
        ("testing.machine_runs", "from benchmarks.fuzz import main", "benchmarks"),
        ("tests.engine.test_lanes", "from benchmarks.fuzz import main", "benchmarks"),
        ("benchmarks.fuzz", "from tests import conftest", "tests"),
    ],
)
def test_wrong_import_is_found(module: str, source: str, room: str) -> None:
    assert wrong_rooms(module, source, TABLE, MODULES) == {room}


def test_circle_is_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d"]
    assert not find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_relative_import_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: relative import"):
        imported_names("import sys\nfrom . import words", MODULES)


_LOADED = """
import importlib, json, sys
result = {}
for name in sys.argv[2:]:
    for loaded in [item for item in sys.modules if item.split(".")[0] in sys.argv[1].split(",")]:
        del sys.modules[loaded]
    importlib.import_module(name)
    result[name] = [item for item in sys.modules if item.split(".")[0] in sys.argv[1].split(",")]
print(json.dumps(result))
"""


def loaded_by(names: list[str]) -> dict[str, set[str]]:
    """Module -> modules of this repository that importing it alone loads."""
    command = [sys.executable, "-c", _LOADED, ",".join(PACKAGES), *names]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {name: set(found) for name, found in json.loads(result.stdout).items()}


def test_open_flow_loads_no_model() -> None:
    names = [name for name in MODULES if name.startswith("codegen.openhls.")]
    assert len(names) > 40
    for name, loaded in loaded_by(names).items():
        # Importing a module loads the packages around it, which are empty.
        rooms = {room_of(item, TABLE) for item in loaded - {"codegen"}}
        own = room_of(name, TABLE)
        assert rooms <= {own, *TABLE[own]}, name


def test_vectors_of_a_unit_load_no_other_units() -> None:
    units = {
        path.stem.removesuffix("_tb"): path for path in (ROOT / "hls" / "tb").rglob("*_tb.cpp")
    }
    names = [
        name
        for name in MODULES
        if ".vectors." in name and name.startswith("codegen.") and name.split(".")[-1] in units
    ]
    assert len(names) == len(units)
    others = {
        name.split(".")[-1]: {item.split(".")[-1] for item in loaded & set(names)}
        - {name.split(".")[-1]}
        for name, loaded in loaded_by(names).items()
    }
    assert not {unit: found for unit, found in others.items() if found}


def test_every_source_file_names_the_licence() -> None:
    folders = [ROOT / name for name in (*PACKAGES, "engine", "hls")]
    sources = [
        path
        for folder in folders
        for suffix in ("*.py", "*.pyi", "*.cpp", "*.hpp", "*.h", "*.sv")
        for path in folder.rglob(suffix)
        if path.stat().st_size and "build" not in path.parts and "goldens" not in path.parts
    ]
    assert len(sources) > 400
    for path in sources:
        head = path.read_text(encoding="utf-8")[:200]
        assert "SPDX-License-Identifier: Apache-2.0" in head, path.relative_to(ROOT)
