# SPDX-License-Identifier: Apache-2.0
"""The file format of model images, whatever they hold: prefix, JSON header, hashed sections.

Layout (docs/image-format.md): a 64-byte prefix, a JSON header, then the sections, each aligned to
4096 bytes. The header says by its `kind` what the file holds. A module that knows such contents
defines a `Kind`, opens its files with `open_container` and writes them with `write_container`.
"""
