# SPDX-License-Identifier: Apache-2.0
"""On-chip memories of the I-ViT machine, and the block RAMs that they take in 7-series parts."""

from __future__ import annotations

from dataclasses import dataclass

from tritforge.ivit.config import LayerNormConfig, RowUnitConfig
from tritforge.ivit.machine.config import MachineConfig

#: Words and bits of half a block RAM (RAMB18E1) with one read and one write port (UG473).
HALF_BLOCK_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
#: Up to this depth a memory is made of LUTs.
LUT_RAM_WORDS = 64
BYTES_OF_HALF_BLOCK = 2304


@dataclass(frozen=True)
class OnChipMemory:
    """Memories of one kind, alike, side by side.

    Attributes:
        banks: memories, each with a read and a write port of its own.
        words, bits: size of one bank.
        content: one sentence.
    """

    name: str
    banks: int
    words: int
    bits: int
    content: str

    @property
    def bytes(self) -> int:
        """Bytes that are used."""
        return -(-self.banks * self.words * self.bits // 8)

    @property
    def half_blocks(self) -> int:
        """Halves of block RAMs, each bank in the shape that takes fewest."""
        if self.words <= LUT_RAM_WORDS:
            return 0
        one = min(
            -(-self.words // words) * -(-self.bits // bits) for words, bits in HALF_BLOCK_SHAPES
        )
        return self.banks * one


def memories(config: MachineConfig) -> tuple[OnChipMemory, ...]:
    """Every memory of a machine; small ones within a unit are not counted."""
    widths, groups = config.widths, config.token_groups
    tokens, features = config.token_lanes, config.feature_lanes
    elements = config.elements

    def words(row: int) -> int:
        """Words of a row of numbers."""
        return -(-row // elements)

    return (
        OnChipMemory(
            "residual",
            tokens * config.norm_elements,
            groups * -(-config.dim // config.norm_elements),
            widths.residual,
            f"residual stream; {config.norm_elements} per token lane",
        ),
        OnChipMemory(
            "codes",
            tokens,
            groups * words(config.dim),
            elements * widths.activation,
            "normalised tokens; during attention its context",
        ),
        OnChipMemory(
            "rows",
            tokens,
            groups * words(config.maximum_inputs),
            elements * widths.activation,
            "patches; queries; hidden channels before and behind ShiftGELU",
        ),
        OnChipMemory(
            "keys",
            features,
            config.key_groups * config.dim,
            widths.activation,
            "keys of all heads; one bank per feature lane",
        ),
        OnChipMemory(
            "values",
            features,
            -(-config.tokens // config.result_lanes) * config.value_groups,
            config.result_lanes * widths.activation,
            "values of all heads; a word has one channel of several tokens",
        ),
        OnChipMemory(
            "scores",
            tokens,
            words(config.tokens),
            elements * widths.activation,
            "scores of a group of tokens, one head",
        ),
        OnChipMemory(
            "probabilities",
            tokens,
            words(config.tokens),
            elements * config.probability_bits,
            "probabilities of a group of tokens, one head",
        ),
        OnChipMemory(
            "weights",
            features,
            2 * config.maximum_inputs,
            config.right_bits,
            "a slice of weights in use and the next one",
        ),
        OnChipMemory(
            "norm_gains",
            1,
            -(-config.dim // config.norm_elements),
            config.norm_elements * (widths.gain + 1 + config.shift_bits),
            "gain of every channel of a norm",
        ),
        OnChipMemory("weight_stream", 1, 512, 65, "FIFO behind the memory port"),
        OnChipMemory(
            "exchange",
            1,
            config.exchange_words,
            elements * widths.activation,
            "FIFO of hidden channels in front of ShiftGELU",
        ),
        *_row_units(config),
    )


def _row_units(config: MachineConfig) -> tuple[OnChipMemory, ...]:
    """Memories of the row units, whose rows overlap (kRowsAtWork of their headers)."""
    softmax, gelu, norm = config.row_units
    exponential_bits = softmax.mantissa_bits + softmax.quotient_bits

    def rows(
        name: str, count: int, unit: RowUnitConfig | LayerNormConfig, bits: int, content: str
    ) -> OnChipMemory:
        words = count * -(-unit.row // unit.elements)
        return OnChipMemory(name, 1, words, unit.elements * bits, content)

    return (
        rows("shiftmax_rows", 2, softmax, softmax.input_bits, "two rows of scores"),
        rows("shiftmax_exponentials", 3, softmax, exponential_bits, "three rows of exponentials"),
        rows("shiftgelu_rows", 3, gelu, gelu.input_bits, "three rows of hidden channels"),
        rows(
            "norm_rows",
            norm.roots + 2,
            norm,
            norm.input_bits,
            f"{norm.roots + 2} tokens of the residual stream",
        ),
        rows("norm_biases", 1, norm, norm.bias_bits, "bias of every channel of a norm"),
    )


def block_rams(config: MachineConfig) -> float:
    """Block RAMs of 36 kbit of all memories, in steps of a half."""
    return sum(item.half_blocks for item in memories(config)) / 2
