# SPDX-License-Identifier: Apache-2.0
"""Texts of a Hugging Face dataset: one document for each row."""

from __future__ import annotations

import importlib.util

from tritforge.errors import TritforgeError, install_command


def dataset_texts(name: str, configuration: str | None, split: str, column: str) -> list[str]:
    """Texts of one column, in the order of the rows; empty rows are left out.

    Args:
        name: of the hub, or a local folder with Parquet, JSON or CSV files.
        configuration: for a dataset that has several.
        split: as `datasets` writes it, as "train" or "train[:1%]".
        column: with the texts.

    Raises:
        TritforgeError: the package `datasets` is missing, or there is no such dataset, split or
            column of texts.
    """
    if importlib.util.find_spec("datasets") is None:
        raise TritforgeError(f"--dataset needs the package datasets: {install_command('train')}")
    import datasets

    try:
        rows = datasets.load_dataset(name, configuration, split=split)
    except Exception as error:  # datasets raises many kinds: network, files, names, formats
        reason = " ".join(str(error).split())[:300]
        raise TritforgeError(f"--dataset {name}, --split {split}: {reason}") from None
    names = [key for key, kind in rows.features.items() if getattr(kind, "dtype", "") == "string"]
    if column not in names:
        raise TritforgeError(
            f"--column {column}: choose a column of texts, one of {', '.join(names) or 'none'}"
        )
    return [text for text in rows[column] if text and text.strip()]
