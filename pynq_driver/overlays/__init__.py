# SPDX-License-Identifier: Apache-2.0
"""Overlays that came with this package: a folder each, with all three files, or none.

None comes with it so far. What is put here, or announced by another package through the entry
points `pynq.overlays`, is found without being named (`pynq_driver.board.finding`).
"""
