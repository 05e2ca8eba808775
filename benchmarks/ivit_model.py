# SPDX-License-Identifier: Apache-2.0
"""Whole vision transformers with random weights: golden integers against the float reference.

python -m benchmarks.ivit_model [--model NAME] [--seeds N] [--images N] [--json]

Three tables, each over the same random weights and images, calibrated without training:

* error of the logits against the float64 reference, beside that of upstream's float32 arithmetic
  (testing/ivit_upstream_model.py) on the same scales;
* outputs that upstream's arithmetic changes, unit by unit, fed with the same integers;
* error of the logits with other widths than upstream's.
"""

from __future__ import annotations

import sys

from testing.ivit_model import main

if __name__ == "__main__":
    sys.exit(main())
