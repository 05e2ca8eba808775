# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from codegen import gen
from codegen.output import LIST_FILE, note_outputs, write_project, write_texts
from tests.codegen.generator import tree
from tritforge.errors import ConfigurationError

FILES = {"config.json": b'{"generator": "tritforge codegen"}', "src/top.cpp": b"one"}


def test_refuses_a_folder_of_somebody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    with pytest.raises(SystemExit) as stopped:
        gen.main(["--dim", "64", "--out", str(folder)])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "was not made by this generator" in message
    assert "--out" in message
    assert tree(tmp_path) == {"thesis/chapter.txt": b"years of work"}


@pytest.mark.parametrize("marker", [b"{}", b"not json", b"[]", b'{"generator": "other"}', b"\xff"])
def test_refuses_a_folder_with_another_config_file(tmp_path: Path, marker: bytes) -> None:
    (tmp_path / "config.json").write_bytes(marker)
    with pytest.raises(ConfigurationError, match="not made by this generator"):
        write_project(tmp_path, FILES)
    assert tree(tmp_path) == {"config.json": marker}


def test_refuses_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "link", "dangling", "fifo"):
        with pytest.raises(ConfigurationError, match="is not a folder"):
            write_project(tmp_path / name, FILES)
    for name in ("file", "dangling", "fifo"):
        with pytest.raises(ConfigurationError, match="is not a folder"):
            write_texts(tmp_path / name, {"a": "b"})


def test_reports_a_folder_that_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(SystemExit) as stopped:
        gen.main(["--dim", "64", "--out", str(tmp_path / "file" / "project")])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "cannot write" in message
    assert message.count("\n") == 1


def test_texts_go_through_a_link_and_leave_other_files(tmp_path: Path) -> None:
    folder, target = tmp_path / "rtl", tmp_path / "shared.sv"
    folder.mkdir()
    target.write_text("old")
    (folder / "a.sv").symlink_to(target)
    (folder / "notes").write_text("mine")
    assert write_texts(folder, {"a.sv": "new", "b.sv": "½"}) == [folder / "a.sv", folder / "b.sv"]
    assert (folder / "a.sv").is_symlink()
    assert target.read_text() == "new"
    assert (folder / "b.sv").read_text(encoding="utf-8") == "½"
    assert sorted(item.name for item in folder.iterdir()) == ["a.sv", "b.sv", "notes"]


def test_fills_an_empty_folder(tmp_path: Path) -> None:
    write_project(tmp_path / "a" / "project", FILES)
    (tmp_path / "empty").mkdir()
    write_project(tmp_path / "empty", FILES)
    assert tree(tmp_path / "a" / "project") == tree(tmp_path / "empty") == FILES


def test_replaces_its_own_folder_and_keeps_the_build(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    write_project(folder, {**FILES, "src/old.cpp": b"gone"})
    (folder / "build").mkdir()
    (folder / "build" / "object.o").write_bytes(b"compiled")
    changed = {**FILES, "src/top.cpp": b"two"}
    write_project(folder, changed)
    assert tree(folder) == {**changed, "build/object.o": b"compiled"}
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_a_users_files_stay_wherever_they_lie(tmp_path: Path) -> None:
    """Also what the user edited and the generator no longer writes, links, and whole folders."""
    folder = tmp_path / "project"
    write_project(folder, {**FILES, "src/old.cpp": b"gone", "src/edited.cpp": b"old"})
    (folder / "src" / "mine.cpp").write_text("mine")
    (folder / "src" / "deep" / "er").mkdir(parents=True)
    (folder / "src" / "deep" / "er" / "mine").write_text("mine")
    (folder / "src" / "edited.cpp").write_text("edited")
    (folder / "src" / "link").symlink_to("nowhere")
    changed = {**FILES, "src/top.cpp": b"two"}
    mine = dict.fromkeys(("src/mine.cpp", "src/deep/er/mine"), b"mine")
    for content in (b"two", b"three"):
        changed["src/top.cpp"] = content
        write_project(folder, changed)
        assert tree(folder) == {**changed, **mine, "src/edited.cpp": b"edited"}
        assert (folder / "src" / "link").is_symlink()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_outputs_of_another_project_go(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    write_project(folder, FILES)
    paths = write_texts(folder / "rtl", {"a.sv": "module", "b.sv": "module"})
    note_outputs(folder, paths)
    (folder / "rtl" / "notes").write_text("mine")
    write_project(folder, FILES)
    assert (folder / "rtl" / "a.sv").exists()
    (folder / "rtl" / "b.sv").write_text("edited")
    changed = {**FILES, "src/top.cpp": b"two"}
    write_project(folder, changed)
    assert tree(folder) == {**changed, "rtl/notes": b"mine", "rtl/b.sv": b"edited"}
    note_outputs(folder, write_texts(folder / "rtl", {"c.sv": "module"}))
    (folder / "rtl" / "notes").unlink()
    (folder / "rtl" / "b.sv").unlink()
    write_project(folder, FILES)
    assert tree(folder) == FILES and not (folder / "rtl").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"files": 3}', "\xff"])
def test_without_a_list_nothing_is_removed(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "project"
    write_project(folder, {**FILES, "src/old.cpp": b"old"})
    (folder / LIST_FILE).write_bytes(content.encode("latin-1"))
    write_project(folder, FILES)
    assert tree(folder) == {**FILES, "src/old.cpp": b"old"}


def test_touches_nothing_if_nothing_changed(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    write_project(folder, FILES)
    os.utime(folder / "src/top.cpp", (1, 1))
    write_project(folder, FILES)
    assert (folder / "src/top.cpp").stat().st_mtime == 1


def test_an_interrupted_run_leaves_the_old_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    write_project(folder, FILES)

    def disk_full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_project(folder, {**FILES, "src/top.cpp": b"two"})
    assert tree(tmp_path) == {f"project/{name}": content for name, content in FILES.items()}
