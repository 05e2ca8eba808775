# SPDX-License-Identifier: Apache-2.0
"""Progress bar of work that says what it does and how many steps are done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from codegen.machine.rtl import Progress


@contextmanager
def steps_bar(title: str, unit: str = "step") -> Iterator[Progress]:
    """A bar on standard error, gone afterwards; the function that moves it."""
    with tqdm(desc=title, unit=unit, disable=None, leave=False) as bar:

        def show(what: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(what, refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

        yield show
