# SPDX-License-Identifier: Apache-2.0
"""Vision transformer with timm's names and upstream's sites; one module, two forward passes.

`forward` in reals is timm's VisionTransformer (arXiv 2010.11929, 2012.12877). In whole numbers it
is I-ViT (arXiv 2207.01405) with the integers of `tritforge.ivit.golden`: every activation is a
float32 tensor of whole numbers whose gradient is that of the smooth network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.ivit.layers import QuantisableLinear, QuantisableNorm, integer_linear
from training.ivit.rounding import dyadic, straight_through
from training.ivit.row_units import shiftgelu, shiftmax
from training.ivit.sites import ActivationObserver, Site
from tritforge.ivit import sites
from tritforge.ivit.quantise import ScaleFormat, WeightFormat, smallest_scales
from tritforge.ivit.shape import VisionShape, VisionUnits, VisionWidths

#: Probabilities of so many bits are exact in TF32, whose mantissa has 11.
_TF32_BITS = 10


@dataclass(frozen=True)
class Quantisation:
    """How reals become whole numbers: all that `quantise_model` needs beside tensors and scales."""

    widths: VisionWidths = VisionWidths()  # noqa: RUF009 - a frozen dataclass
    weight_format: WeightFormat = WeightFormat.INT8
    scale_format: ScaleFormat = ScaleFormat.REAL


class _Sites(nn.Module):
    """A module that has sites, made by their names relative to it."""

    def _add_site(self, name: str, site: Site) -> None:
        parent: nn.Module = self
        *path, last = name.split(".")
        for part in path:
            if not hasattr(parent, part):
                parent.add_module(part, nn.Module())
            parent = getattr(parent, part)
        parent.add_module(last, site)


class Block(_Sites):
    """Attention and MLP, each with its norm and residual add."""

    def __init__(self, shape: VisionShape, quantisation: Quantisation) -> None:
        super().__init__()
        self.shape, widths = shape, quantisation.widths
        units = VisionUnits(shape, widths)
        self.shiftmax_n, self.probability_bits = units.shiftmax.n, units.shiftmax.share_bits
        self.shiftgelu_n, self.sigmoid_bits = units.shiftgelu.n, units.shiftgelu.share_bits

        def linear(inputs: int, outputs: int) -> QuantisableLinear:
            return QuantisableLinear(
                inputs, outputs, quantisation.weight_format, quantisation.scale_format
            )

        self.norm1 = QuantisableNorm(shape.dim, widths.gain)
        self.attn = nn.Module()
        self.attn.qkv = linear(shape.dim, 3 * shape.dim)
        self.attn.proj = linear(shape.dim, shape.dim)
        self.norm2 = QuantisableNorm(shape.dim, widths.gain)
        self.mlp = nn.Module()
        self.mlp.fc1 = linear(shape.dim, shape.hidden)
        self.mlp.fc2 = linear(shape.hidden, shape.dim)
        prefix = sites.block_site(0, "")
        smallest = smallest_scales(units)
        for name, bits in sites.activation_sites(shape, widths).items():
            if name.startswith(prefix):
                short = name.removeprefix(prefix)
                site = Site(bits, widths.multiplier, float(smallest.get(short, 0)))
                self._add_site(short, site)

    def site(self, name: str) -> Site:
        """Site by its name within the block."""
        found = self.get_submodule(name)
        assert isinstance(found, Site)
        return found

    def real(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """Reals (batch, tokens, dim) to reals.

        Args:
            keep: (2, batch) factors of the two branches, for drop path; None for 1.
        """
        batch, tokens, dim = x.shape
        y = self.norm1(x)
        qkv = self.attn.qkv(y)
        self.site(sites.ATTENTION_INPUT).see(y)
        self.site(sites.QKV).see(qkv)
        query, key, value = self._heads(qkv)
        scores = self.site(sites.SCORES)
        if scores.observer is not None:
            scores.see(query @ key.transpose(-1, -2) * self.shape.head_dim**-0.5)
        context = functional.scaled_dot_product_attention(query, key, value)
        context = context.transpose(1, 2).reshape(batch, tokens, dim)
        self.site(sites.CONTEXT).see(context)
        branch = self.attn.proj(context)
        self.site(sites.PROJECTION).see(branch)
        x = x + (branch if keep is None else branch * keep[0, :, None, None])
        self.site(sites.ATTENTION_RESIDUAL).see(x)
        y = self.norm2(x)
        self.site(sites.MLP_INPUT).see(y)
        hidden = self.mlp.fc1(y)
        self.site(sites.HIDDEN).see(hidden)
        hidden = functional.gelu(hidden)
        self.site(sites.GELU).see(hidden)
        branch = self.mlp.fc2(hidden)
        self.site(sites.MLP_OUTPUT).see(branch)
        x = x + (branch if keep is None else branch * keep[1, :, None, None])
        self.site(sites.MLP_RESIDUAL).see(x)
        return x

    def whole(self, x: Tensor, scale: Tensor) -> Tensor:
        """Residual stream (batch, tokens, dim) of whole numbers, of this scale, to the next one.

        The unit of the result is the scale of `qact4`.
        """
        y = self.norm1.to_site(x, self.site(sites.ATTENTION_INPUT))
        qkv = self._linear(self.attn.qkv, y, sites.ATTENTION_INPUT, sites.QKV)
        context = self._attention(qkv)
        branch = self._linear(self.attn.proj, context, sites.CONTEXT, sites.PROJECTION)
        x = self._residual(branch, sites.PROJECTION, x, scale, sites.ATTENTION_RESIDUAL)
        y = self.norm2.to_site(x, self.site(sites.MLP_INPUT))
        hidden = self._linear(self.mlp.fc1, y, sites.MLP_INPUT, sites.HIDDEN)
        unit = self._scale(sites.HIDDEN)
        product = shiftgelu(hidden, unit, self.shiftgelu_n, self.sigmoid_bits)
        y = self.site(sites.GELU).requantise(
            product.double(), product, unit * 2.0**-self.sigmoid_bits
        )
        branch = self._linear(self.mlp.fc2, y, sites.GELU, sites.MLP_OUTPUT)
        between = self._scale(sites.ATTENTION_RESIDUAL)
        return self._residual(branch, sites.MLP_OUTPUT, x, between, sites.MLP_RESIDUAL)

    def _scale(self, name: str) -> Tensor:
        return self.site(name).act_scaling_factor

    def _linear(self, layer: nn.Module, x: Tensor, source: str, target: str) -> Tensor:
        assert isinstance(layer, QuantisableLinear)
        return layer.to_site(x, self._scale(source), self.site(target))

    def _heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, tokens, _ = qkv.shape
        split = qkv.reshape(batch, tokens, 3, self.shape.heads, self.shape.head_dim)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        return query, key, value

    def _attention(self, qkv: Tensor) -> Tensor:
        query, key, value = self._heads(qkv)
        unit = self._scale(sites.QKV)
        products = query @ key.transpose(-1, -2)
        score_unit = unit * unit * float(np.float32(self.shape.head_dim**-0.5))
        scores_site = self.site(sites.SCORES)
        scores = scores_site.requantise(products.detach().double(), products, score_unit)
        bits = self.probability_bits
        probabilities = shiftmax(scores, scores_site.act_scaling_factor, self.shiftmax_n, bits)
        context = probabilities @ value
        total = context.detach()
        if bits > _TF32_BITS and total.is_cuda:
            total = _split_product(probabilities.detach(), value.detach())
        batch, _, tokens, _ = context.shape

        def joined(values: Tensor) -> Tensor:
            return values.transpose(1, 2).reshape(batch, tokens, self.shape.dim)

        return self.site(sites.CONTEXT).requantise(
            joined(total.double()), joined(context), unit * 2.0**-bits
        )

    def _residual(
        self, branch: Tensor, name: str, identity: Tensor, scale: Tensor, out: str
    ) -> Tensor:
        site = self.site(out)
        return residual_add(branch, self._scale(name), identity, scale, site)


def residual_add(
    branch: Tensor, branch_scale: Tensor, identity: Tensor, identity_scale: Tensor, site: Site
) -> Tensor:
    """Whole numbers of two scales, each rounded for itself, and one clamp of their sum."""
    if site.observer is not None:
        site.observer.update(branch.detach() * branch_scale + identity.detach() * identity_scale)
    exact = torch.zeros((), dtype=torch.float64, device=branch.device)
    smooth = torch.zeros((), device=branch.device)
    for whole, scale in ((branch, branch_scale), (identity, identity_scale)):
        ratio = scale.double() / site.act_scaling_factor.double()
        exact = exact + torch.round(whole.detach().double() * dyadic(ratio, site.mantissa))
        smooth = smooth + whole * ratio.float()
    half = 1 << (site.bits - 1)
    limited = smooth.clamp(-half, half - 1)
    return straight_through(exact.clamp(-half, half - 1).float(), limited)


def _split_product(probabilities: Tensor, value: Tensor) -> Tensor:
    """probability * value in two halves of few bits: exact with TF32's products."""
    high = torch.floor(probabilities / 256)
    return 256 * (high @ value) + (probabilities - 256 * high) @ value


class VisionTransformer(_Sites):
    """ViT or DeiT; `quantised` says in which numbers `forward` computes."""

    def __init__(
        self, shape: VisionShape, quantisation: Quantisation | None = None, drop_path: float = 0.0
    ) -> None:
        """
        Args:
            drop_path: probability that a branch of the last block is left out while training in
                reals; earlier blocks have less, in proportion.
        """
        super().__init__()
        quantisation = quantisation or Quantisation()
        self.shape, self.quantisation, self.drop_path = shape, quantisation, drop_path
        self.quantised = False
        widths = quantisation.widths
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.tokens, shape.dim))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(
            shape.channels, shape.dim, shape.patch_size, shape.patch_size
        )
        self.blocks = nn.ModuleList(Block(shape, quantisation) for _ in range(shape.layers))
        self.norm = QuantisableNorm(shape.dim, widths.gain)
        self.head = QuantisableLinear(
            shape.dim, shape.classes, scale_format=quantisation.scale_format
        )
        for name, bits in sites.activation_sites(shape, widths).items():
            if not name.startswith("blocks."):
                self._add_site(name, Site(bits, widths.multiplier))
        self._initialise()
        self._real_block: Callable[..., Tensor] = Block.real
        self._whole_block: Callable[..., Tensor] = Block.whole

    def _initialise(self) -> None:
        """timm's start: truncated normal numbers, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.normal_(self.cls_token, std=1e-6)

    def compile_blocks(self) -> None:
        """Compile the blocks, once for all of them; no other mode than training."""
        self._real_block = torch.compile(Block.real)
        self._whole_block = torch.compile(Block.whole)

    def sites(self) -> Iterator[tuple[str, Site]]:
        """Name and module of every activation site, in order of computation."""
        for name in sites.activation_sites(self.shape, self.quantisation.widths):
            found = self.get_submodule(name)
            assert isinstance(found, Site)
            yield name, found

    def observe(self, percentile: float, momentum: float | None = None) -> None:
        """Begin to observe every site; sites of the residual stream see their whole range."""
        widths = self.quantisation.widths
        for _, site in self.sites():
            narrow = site.bits == widths.activation
            site.observer = ActivationObserver(percentile if narrow else 100.0, momentum)

    def settle(self) -> None:
        """End the observation: every scale from what its site has seen."""
        for _, site in self.sites():
            site.settle(self.quantisation.scale_format)

    @property
    def observing(self) -> bool:
        """Whether sites observe what they see."""
        return any(site.observer is not None for _, site in self.sites())

    @property
    def _compiling(self) -> bool:
        """Evaluation and calibration stay uncompiled: their divisions are rounded correctly."""
        return self.training and not self.observing

    def scales(self) -> dict[str, np.float32]:
        """Activation scale of every site."""
        return {name: np.float32(site.act_scaling_factor.item()) for name, site in self.sites()}

    def set_scales(self, scales: Mapping[str, float | np.float32]) -> None:
        """Take the scales of a checkpoint, all sites or none."""
        for name, site in self.sites():
            site.act_scaling_factor.fill_(float(scales[name]))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of normalised images (batch, channels, height, width)."""
        return self.whole(images) if self.quantised else self.real(images)

    def real(self, images: Tensor) -> Tensor:
        """Logits in reals."""
        site = self.get_submodule
        site(sites.INPUT).see(images)
        patches = self.patch_embed.proj(images).flatten(2).transpose(1, 2)
        site(sites.PATCHES).see(patches)
        site(sites.POSITION).see(self.pos_embed)
        token = self.cls_token.expand(len(images), -1, -1).to(patches.dtype)
        x = torch.cat([token, patches], 1) + self.pos_embed
        site(sites.EMBEDDING).see(x)
        call = self._real_block if self._compiling else Block.real
        for layer, block in enumerate(self.blocks):
            x = call(block, x, self._keep(layer, x))
        x = self.norm(x[:, 0])
        site(sites.HEAD_INPUT).see(x)
        return self.head(x)

    def _keep(self, layer: int, x: Tensor) -> Tensor | None:
        """Factors of drop path (arXiv 1603.09382) for the two branches of a block."""
        if not self.training or not self.drop_path:
            return None
        drop = self.drop_path * layer / max(len(self.blocks) - 1, 1)
        return (torch.rand(2, len(x), device=x.device) >= drop) / (1 - drop)

    def whole(self, images: Tensor) -> Tensor:
        """Logits in reals, of a network of whole numbers."""
        x, scale = self._embedding(images)
        call = self._whole_block if self._compiling else Block.whole
        for block in self.blocks:
            x = call(block, x, scale)
            scale = block.site(sites.MLP_RESIDUAL).act_scaling_factor
        head_input = self.get_submodule(sites.HEAD_INPUT)
        x = self.norm.to_site(x[:, 0], head_input)
        total, smooth, units = self.head.sums(x, head_input.act_scaling_factor)
        return straight_through((total * units.double()).float(), smooth * units)

    def _embedding(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Residual stream that enters the first block, and its unit."""
        shape, patch = self.shape, self.shape.patch_size
        source, target = self.get_submodule(sites.INPUT), self.get_submodule(sites.PATCHES)
        stream = self.get_submodule(sites.EMBEDDING)
        pixels = source.quantise(images)
        # Patches in raster order; inputs of a patch as the kernel has them.
        rows = functional.unfold(pixels, patch, stride=patch).transpose(1, 2)
        total, smooth, units = integer_linear(
            rows,
            source.act_scaling_factor,
            self.patch_embed.proj.weight.flatten(1),
            self.patch_embed.proj.bias,
            WeightFormat.INT8,
            self.quantisation.scale_format,
        )
        patches = target.requantise(total, smooth, units)
        # Upstream gives the class token the patches' scale without clamping it.
        token = self.cls_token / target.act_scaling_factor
        token = straight_through(torch.round(token), token)
        tokens = torch.cat([token.expand(len(images), 1, shape.dim), patches], 1)
        place = self.get_submodule(sites.POSITION)
        position = place.quantise(self.pos_embed).expand_as(tokens)
        x = residual_add(
            tokens, target.act_scaling_factor, position, place.act_scaling_factor, stream
        )
        return x, stream.act_scaling_factor
