# SPDX-License-Identifier: Apache-2.0
"""Product of int8 codes and ternary weights on int8 tensor cores, exact up to its factors.

Sums of codes stay below 2**24, so their conversion to float32 is exact too. One factor per row
and one per matrix follow in the epilogue, with the residual stream if there is one.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

#: Rows and columns of an output tile, depth of a step, tiles of rows that share weights in cache.
_TILE_ROWS, _TILE_COLUMNS, _TILE_DEPTH, _GROUP = 128, 256, 128, 8
_WARPS, _STAGES = 8, 4


@triton.jit
def _product(
    codes,
    trits,
    steps,
    scale,
    residual,
    result,
    rows,
    columns,
    depth,
    HAS_RESIDUAL: tl.constexpr,
    EVEN_DEPTH: tl.constexpr,
    TILE_ROWS: tl.constexpr,
    TILE_COLUMNS: tl.constexpr,
    TILE_DEPTH: tl.constexpr,
    GROUP: tl.constexpr,
):
    program = tl.program_id(0)
    row_tiles = tl.cdiv(rows, TILE_ROWS)
    column_tiles = tl.cdiv(columns, TILE_COLUMNS)
    first = program // (GROUP * column_tiles) * GROUP
    height = tl.minimum(row_tiles - first, GROUP)
    within = program % (GROUP * column_tiles)
    row = (first + within % height) * TILE_ROWS + tl.arange(0, TILE_ROWS)
    column = (within // height) * TILE_COLUMNS + tl.arange(0, TILE_COLUMNS)
    inner = tl.arange(0, TILE_DEPTH)
    # Rows and columns behind the end are read at the start again and not stored.
    code_place = codes + (row % rows).to(tl.int64)[:, None] * depth + inner[None, :]
    trit_place = trits + (column % columns).to(tl.int64)[None, :] * depth + inner[:, None]
    total = tl.zeros([TILE_ROWS, TILE_COLUMNS], tl.int32)
    for start in range(0, depth, TILE_DEPTH):
        if EVEN_DEPTH:
            code_tile = tl.load(code_place)
            trit_tile = tl.load(trit_place)
        else:
            code_tile = tl.load(code_place, inner[None, :] < depth - start, 0)
            trit_tile = tl.load(trit_place, inner[:, None] < depth - start, 0)
        total = tl.dot(code_tile, trit_tile, total, out_dtype=tl.int32)
        code_place += TILE_DEPTH
        trit_place += TILE_DEPTH
    factor = tl.load(steps + row, row < rows, 0.0) * tl.load(scale)
    values = total.to(tl.float32) * factor[:, None]
    place = row.to(tl.int64)[:, None] * columns + column[None, :]
    mask = (row < rows)[:, None] & (column < columns)[None, :]
    if HAS_RESIDUAL:
        values += tl.load(residual + place, mask, 0.0).to(tl.float32)
    tl.store(result + place, values.to(result.dtype.element_ty), mask)


def ternary_matmul(
    codes: Tensor,
    steps: Tensor,
    trits: Tensor,
    scale: Tensor,
    result: Tensor,
    residual: Tensor | None = None,
) -> Tensor:
    """codes @ trits.T * steps * scale, plus the residual if given, written to `result`.

    Args:
        codes: (rows, depth) int8, contiguous.
        steps: (rows,) float32.
        trits: (columns, depth) int8, contiguous.
        scale: one float32.
        result: (rows, columns) of any floating type, contiguous.
        residual: of the shape of `result`.
    """
    rows, depth = codes.shape
    columns = len(trits)
    grid = (triton.cdiv(rows, _TILE_ROWS) * triton.cdiv(columns, _TILE_COLUMNS),)
    _product[grid](
        codes,
        trits,
        steps,
        scale,
        result if residual is None else residual,
        result,
        rows,
        columns,
        depth,
        HAS_RESIDUAL=residual is not None,
        EVEN_DEPTH=depth % _TILE_DEPTH == 0,
        TILE_ROWS=_TILE_ROWS,
        TILE_COLUMNS=_TILE_COLUMNS,
        TILE_DEPTH=_TILE_DEPTH,
        GROUP=_GROUP,
        num_warps=_WARPS,
        num_stages=_STAGES,
    )
    return result
