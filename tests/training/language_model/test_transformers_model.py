# SPDX-License-Identifier: Apache-2.0
"""The model under Hugging Face's classes: the same checkpoints, logits, losses and texts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("transformers", reason="needs the package transformers")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

from testing.random_model import SMALL_SHAPE  # noqa: E402
from training.language_model.checkpoint_folder import load_model, save_model  # noqa: E402
from training.language_model.model import HGRNBit  # noqa: E402
from training.language_model.transformers_model import (  # noqa: E402
    HGRNBitConfig,
    HGRNBitForCausalLM,
)
from tritforge.errors import CheckpointError  # noqa: E402
from tritforge.language_model.convert.random_checkpoint import (  # noqa: E402
    write_random_checkpoint,
)

TOKENS = torch.arange(30).reshape(2, 15) % SMALL_SHAPE.vocabulary


def test_auto_classes_read_upstreams_checkpoints(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert type(model) is HGRNBitForCausalLM
    with torch.no_grad():
        output, plain = model(TOKENS, labels=TOKENS), load_model(tmp_path)
        assert torch.equal(output.logits, plain(TOKENS))
        assert torch.allclose(output.loss, plain.loss(TOKENS[:, :-1], TOKENS[:, 1:]), atol=1e-5)


def test_what_is_saved_is_read_by_this_project_and_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = HGRNBit(SMALL_SHAPE)
    save_model(trained, tmp_path / "a")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "a")
    model.save_pretrained(tmp_path / "b")
    (tmp_path / "b" / "tokenizer.json").write_text("{}")
    again = load_model(tmp_path / "b")
    assert all(
        torch.equal(again.state_dict()[name], tensor)
        for name, tensor in trained.state_dict().items()
    )


def test_new_models_start_as_those_of_the_trainer() -> None:
    config = HGRNBitConfig(
        vocab_size=SMALL_SHAPE.vocabulary,
        hidden_size=SMALL_SHAPE.dim,
        num_hidden_layers=SMALL_SHAPE.layers,
        intermediate_size=SMALL_SHAPE.glu_width,
    )
    torch.manual_seed(0)
    started = AutoModelForCausalLM.from_config(config).state_dict()
    plain = HGRNBit(SMALL_SHAPE).state_dict()
    assert set(started) == set(plain)
    for name, tensor in plain.items():
        assert tensor.std().item() == pytest.approx(started[name].std().item(), rel=0.2, abs=1e-9)
        assert tensor.mean().item() == pytest.approx(started[name].mean().item(), abs=0.01)


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(0)
    model = HGRNBitForCausalLM(HGRNBitConfig(**_sizes()))
    model(TOKENS, labels=TOKENS).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_generation_takes_the_most_likely_tokens(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    model, plain = AutoModelForCausalLM.from_pretrained(tmp_path), load_model(tmp_path)
    text = TOKENS[:1, :5]
    made = model.generate(text, max_new_tokens=6, do_sample=False, eos_token_id=None)
    for _ in range(6):
        with torch.no_grad():
            text = torch.cat([text, plain(text)[:, -1:].argmax(-1)], 1)
    assert torch.equal(made, text)


def test_padding_in_front_is_refused_and_behind_is_nothing(tmp_path: Path) -> None:
    model = HGRNBitForCausalLM(HGRNBitConfig(**_sizes()))
    mask = torch.ones_like(TOKENS)
    mask[1, 10:] = 0
    with torch.no_grad():
        assert torch.equal(model(TOKENS, mask).logits[1, :10], model(TOKENS[1:, :10]).logits[0])
    with pytest.raises(ValueError, match="pad on the right"):
        model(TOKENS, mask.flip(1))


@pytest.mark.parametrize(
    ("option", "value"),
    [("use_short_conv", True), ("hidden_act", "gelu"), ("rms_norm_eps", 1e-3), ("num_heads", 7)],
)
def test_options_that_compute_something_else_are_refused(
    tmp_path: Path, option: str, value: object
) -> None:
    write_random_checkpoint(tmp_path, SMALL_SHAPE)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), option: value}))
    config = AutoConfig.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=option):
        AutoModelForCausalLM.from_config(config)


def _sizes() -> dict[str, int]:
    return {
        "vocab_size": SMALL_SHAPE.vocabulary,
        "hidden_size": SMALL_SHAPE.dim,
        "num_hidden_layers": SMALL_SHAPE.layers,
        "intermediate_size": SMALL_SHAPE.glu_width,
    }
