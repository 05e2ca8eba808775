# SPDX-License-Identifier: Apache-2.0
"""A changed file that the compiler reads gives a new result; any other file does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.openhls import flow, system
from codegen.openhls.cache import cache_folder, cached
from codegen.openhls.errors import CompileError, ToolError
from codegen.openhls.flow import default_includes, translate_file
from codegen.openhls.simulate.bench_words import record_bench
from codegen.openhls.simulate.csim import build_c_simulation
from codegen.openhls.simulate.interpreter import StepInterpreter
from codegen.openhls.step import Step

HEAD = '#include "ap_int.h"\n#include "hls_stream.h"\n'
HEADER = f'{HEAD}extern "C" void step(hls::stream<int>& a, hls::stream<int>& b);\n'
#: How a kernel names a file -> where it lies from the kernel's folder.
INCLUDED = {
    '"beside.hpp"': "beside.hpp",
    '"sub/down.hpp"': "sub/down.hpp",
    '"../up.h"': "../up.h",
    '"table.inc"': "table.inc",
    '"table.txt"': "table.txt",
    '"no_ending"': "no_ending",
    "<in_another_folder.def>": "../elsewhere/in_another_folder.def",
}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRITFORGE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "outer" / "project"
    folder.mkdir(parents=True)
    (folder / "step.hpp").write_text(HEADER, encoding="utf-8")
    return folder


def kernel(folder: Path, constant: str) -> Path:
    """A kernel that adds the expression `constant`, which stands behind its includes."""
    *lines, expression = constant.splitlines()
    source = folder / "kernel.cpp"
    source.write_text(
        f'#include "step.hpp"\n{chr(10).join(lines)}\n'
        'extern "C" void step(hls::stream<int>& a, hls::stream<int>& b) {\n'
        f"    b.write(a.read() + {expression});\n}}\n",
        encoding="utf-8",
    )
    return source


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def includes(folder: Path) -> tuple[Path, ...]:
    return (folder.parent / "elsewhere", *default_includes())


def translated(source: Path) -> tuple[Step, int]:
    """The step, and what its translation adds."""
    step = translate_file(source, "step", includes(source.parent))
    return step, StepInterpreter(step).run({"a": [0]}, {}, 9).outputs["b"][0]


def simulated(source: Path, step: Step) -> int:
    return build_c_simulation(source, step, includes(source.parent)).run({"a": [0]}, 1)["b"][0]


def recorded(source: Path, step: Step, bench: str) -> list[int]:
    path = source.parent / "tb" / "bench.cpp"
    write(path, bench)
    folders = (source.parent, *includes(source.parent))
    return record_bench(source, "step.hpp", path, [], step, folders).outputs["b"]


ONE_CALL = """#include "step.hpp"
#include "given.txt"
int main() {
    hls::stream<int> a, b;
    a.write(GIVEN);
    step(a, b);
    return b.read() < 0;
}
"""


def test_every_included_file_counts(project: Path) -> None:
    lines = [f"#include {name}" for name in INCLUDED]
    source = kernel(project, "\n".join([*lines, "kTotal"]))
    places = [project / place for place in INCLUDED.values()]
    for place in places:
        write(place, "")
    write(project / "tb" / "given.txt", "#define GIVEN 0\n")
    for index, place in enumerate(places):
        write(place, f"constexpr int kTotal = {100 + index};\n")
        step, added = translated(source)
        assert added == 100 + index, place
        assert simulated(source, step) == 100 + index, place
        if index in (0, len(places) - 1):
            assert recorded(source, step, ONE_CALL) == [100 + index]
        write(place, "")


def test_what_a_bench_includes_counts(project: Path) -> None:
    step, _ = translated(kernel(project, "1"))
    for value in (5, 6):
        write(project / "tb" / "given.txt", f"#define GIVEN {value}\n")
        assert recorded(project / "kernel.cpp", step, ONE_CALL) == [value + 1]


@pytest.mark.parametrize("compiler", ["g++", "clang"])
def test_a_file_that_is_looked_for_counts(
    compiler: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was not there before: behind __has_include, or earlier on the search path."""
    if compiler == "clang":
        monkeypatch.setenv("PATH", str(project))
    assert system.host_compiler().name == compiler
    source = kernel(
        project,
        '#if __has_include("option.txt")\n#define kOption 10\n#else\n#define kOption 0\n#endif\n'
        "#include <found.hpp>\nkOption + kFound",
    )
    write(project.parent / "elsewhere" / "found.hpp", "constexpr int kFound = 1;\n")
    folders = (project.parent / "earlier", *includes(project))

    def results() -> tuple[int, int]:
        step = translate_file(source, "step", folders)
        simulation = build_c_simulation(source, step, folders)
        added = StepInterpreter(step).run({"a": [0]}, {}, 9).outputs["b"][0]
        return added, simulation.run({"a": [0]}, 1)["b"][0]

    assert results() == (1, 1)
    write(project / "option.txt", "")
    assert results() == (11, 11)
    write(project.parent / "earlier" / "found.hpp", "constexpr int kFound = 2;\n")
    assert results() == (12, 12)


def test_other_files_do_not_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = kernel(project, "1")
    step, _ = translated(source)
    simulation = build_c_simulation(source, step, includes(project)).program
    monkeypatch.setattr(flow, "compile_to_llvm", lambda *_: pytest.fail("compiled again"))
    write(project / "other.hpp", "// not included\n")
    write(source, source.read_text(encoding="utf-8") + "// a comment alone\n")
    step, _ = translated(source)
    assert build_c_simulation(source, step, includes(project)).program == simulation


def test_a_missing_file_is_reported_with_its_line(project: Path) -> None:
    source = kernel(project, '#include "absent.inc"\n1')
    with pytest.raises(CompileError, match=r"kernel\.cpp:2:.*absent\.inc"):
        translate_file(source, "step")


def test_a_file_edited_while_it_is_compiled_is_not_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kernel(project, "1")
    honest = flow.compile_to_llvm

    def slow(*arguments: object) -> str:
        kernel(project, "2")
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(flow, "compile_to_llvm", slow)
    with pytest.raises(ToolError, match=r"kernel\.cpp.*changed meanwhile: run again"):
        translate_file(source, "step")
    assert not list((cache_folder() / "llvm").iterdir())


def test_another_version_of_the_compiler_counts(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for version in ("g++ 12", "g++ 13"):
        program = tmp_path / version[-2:] / "g++"
        write(program, f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        found.append(system.host_compiler().identity)
    assert found[0] != found[1] and found[0].endswith("g++ 12")


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder / "half", "")
        raise ToolError("no")

    with pytest.raises(ToolError, match="no"):
        cached("kind", ["part"], fail)
    assert not list((tmp_path / "cache" / "kind").iterdir())
