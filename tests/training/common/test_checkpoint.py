# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[train]'")

from training.common.checkpoint import (  # noqa: E402
    load_state,
    random_state,
    restore_random_state,
    save_state,
)
from tritforge.errors import CheckpointError  # noqa: E402


class Planted:
    """What a hostile file would run when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit('code of the file ran')",))


def test_state_comes_back(tmp_path: Path) -> None:
    state = {"epoch": 3, "weights": {"a": torch.arange(4.0)}, "recipe": {"batch": 5}}
    save_state(tmp_path / "state.pt", state)
    loaded = load_state(tmp_path / "state.pt")
    assert loaded["epoch"] == 3 and loaded["recipe"] == {"batch": 5}
    assert torch.equal(loaded["weights"]["a"], torch.arange(4.0))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_failed_write_leaves_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"epoch": 1})
    with pytest.raises(Exception, match="pickle"):
        save_state(path, {"epoch": lambda: 2})
    assert load_state(path) == {"epoch": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a checkpoint at all"])
def test_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt is no checkpoint"):
        load_state(path)


def test_code_in_a_file_is_refused(tmp_path: Path) -> None:
    torch.save({"a": Planted()}, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match=r"evil\.pt is no checkpoint"):
        load_state(tmp_path / "evil.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        load_state(tmp_path / "list.pt")


def test_random_numbers_continue() -> None:
    device = torch.device("cpu")
    state = random_state(device)
    first = torch.rand(5)
    restore_random_state(state, device)
    assert torch.equal(torch.rand(5), first)
