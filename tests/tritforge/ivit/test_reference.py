# SPDX-License-Identifier: Apache-2.0
"""Float reference: its functions against exact ones, and the model against PyTorch's layers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from testing.ivit_random_model import RandomModel
from tritforge.errors import ConfigurationError
from tritforge.ivit.reference import gelu, softmax
from tritforge.ivit.sites import activation_sites


@pytest.fixture(scope="module")
def model() -> RandomModel:
    return RandomModel()


def test_gelu_is_exact_to_the_last_bits() -> None:
    x = np.concatenate([np.linspace(-12, 12, 4001), [0.0, 1e-9, -1e-9, 50.0, -50.0]])
    exact = np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.tolist()])
    assert (np.abs(gelu(x) - exact) < 1e-13 * (1 + np.abs(x))).all()


def test_softmax_of_large_numbers_does_not_overflow() -> None:
    result = softmax(np.array([[1000.0, 1000.0, 0.0]]))
    assert result.tolist() == [[0.5, 0.5, 0.0]]


def test_sites_are_observed_in_order_of_computation(model: RandomModel) -> None:
    seen: list[str] = []
    images = model.preprocessing.normalise(model.images(1))
    model.reference.logits(images, lambda site, values: seen.append(site))
    assert seen == list(activation_sites(model.shape, model.widths))


def test_images_of_another_size_are_refused(model: RandomModel) -> None:
    with pytest.raises(ConfigurationError, match=r"\(batch, 6, 6, 3\)"):
        model.reference.logits(np.zeros((1, 3, 6, 6)))


def test_equals_the_layers_written_out_for_every_head(model: RandomModel) -> None:
    """The equations by loops over heads and tokens."""
    shape, tensors = model.shape, {k: v.astype(np.float64) for k, v in model.tensors.items()}
    image = model.preprocessing.normalise(model.images(1))[0].astype(np.float64)

    def norm(name: str, row: np.ndarray) -> np.ndarray:
        scaled = (row - row.mean()) / math.sqrt(row.var() + 1e-6)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def linear(name: str, row: np.ndarray) -> np.ndarray:
        return tensors[f"{name}.weight"] @ row + tensors[f"{name}.bias"]

    patch = shape.patch_size
    tokens = [tensors["cls_token"][0, 0]]
    for top in range(0, shape.image_size, patch):
        for left in range(0, shape.image_size, patch):
            window = image[top : top + patch, left : left + patch]
            kernel = tensors["patch_embed.proj.weight"]
            value = np.einsum("yxc,ocyx->o", window, kernel)
            tokens.append(value + tensors["patch_embed.proj.bias"])
    x = [token + position for token, position in zip(tokens, tensors["pos_embed"][0])]
    for layer in range(shape.layers):
        name = f"blocks.{layer}"
        qkv = [linear(f"{name}.attn.qkv", norm(f"{name}.norm1", row)) for row in x]
        for i, row in enumerate(list(x)):
            context = []
            for head in range(shape.heads):
                start = head * shape.head_dim
                q, k, v = (
                    [item[part * shape.dim + start :][: shape.head_dim] for item in qkv]
                    for part in range(3)
                )
                weights = np.exp([q[i] @ other / math.sqrt(shape.head_dim) for other in k])
                context.append(sum(w * value for w, value in zip(weights / weights.sum(), v)))
            x[i] = row + linear(f"{name}.attn.proj", np.concatenate(context))
        for i, row in enumerate(list(x)):
            hidden = linear(f"{name}.mlp.fc1", norm(f"{name}.norm2", row))
            active = [h * (1 + math.erf(h / math.sqrt(2))) / 2 for h in hidden.tolist()]
            x[i] = row + linear(f"{name}.mlp.fc2", np.array(active))
    expected = linear("head", norm("norm", x[0]))
    assert np.allclose(model.reference.logits(image[None])[0], expected, rtol=1e-9, atol=1e-9)


def test_equals_pytorchs_layers(model: RandomModel) -> None:
    torch = pytest.importorskip("torch", reason="pip install '.[torch]'")
    functional = torch.nn.functional
    tensors = {name: torch.tensor(values).double() for name, values in model.tensors.items()}
    normalised = model.preprocessing.normalise(model.images(2))
    images = torch.tensor(normalised).double().permute(0, 3, 1, 2)

    def linear(name: str, x: object) -> object:
        return functional.linear(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def norm(name: str, x: object) -> object:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return functional.layer_norm(x, (model.shape.dim,), weight, bias, 1e-6)

    x = functional.conv2d(
        images,
        tensors["patch_embed.proj.weight"],
        tensors["patch_embed.proj.bias"],
        stride=model.shape.patch_size,
    )
    x = x.flatten(2).transpose(1, 2)
    token = tensors["cls_token"].expand(len(x), -1, -1)
    x = torch.cat([token, x], 1) + tensors["pos_embed"]
    for layer in range(model.shape.layers):
        name = f"blocks.{layer}"
        qkv = linear(f"{name}.attn.qkv", norm(f"{name}.norm1", x))
        split = qkv.reshape(*qkv.shape[:2], 3, model.shape.heads, -1).permute(2, 0, 3, 1, 4)
        context = functional.scaled_dot_product_attention(*split).transpose(1, 2).reshape(x.shape)
        x = x + linear(f"{name}.attn.proj", context)
        hidden = functional.gelu(linear(f"{name}.mlp.fc1", norm(f"{name}.norm2", x)))
        x = x + linear(f"{name}.mlp.fc2", hidden)
    expected = linear("head", norm("norm", x)[:, 0])
    assert np.allclose(model.reference.logits(normalised), expected.numpy(), rtol=1e-9, atol=1e-9)
