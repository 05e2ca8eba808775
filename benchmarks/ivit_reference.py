# SPDX-License-Identifier: Apache-2.0
"""Golden units of I-ViT against integer vectors made by running upstream's modules.

python -m benchmarks.ivit_reference --reference DIR [--json]

DIR holds shiftmax.npz, shiftgelu.npz, layernorm.npz, dyadic.npz, quantisers.npz and block.npz: what
upstream's PyTorch modules give for random integers, as they are (`float32`) and with float64
tensors, which make the formulas exact (`float64`). Every array is compared with the golden
functions, and with this repository's float32 emulation of upstream (testing/ivit_upstream.py):
where the golden integer differs from float32 and the emulation does not, float32 is the cause.
"""

from __future__ import annotations

import sys

from testing.ivit_reference import main

if __name__ == "__main__":
    sys.exit(main())
