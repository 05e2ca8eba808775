# SPDX-License-Identifier: Apache-2.0
"""Tokens of one line of LLVM IR."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r'c"(?:[^"])*"|[%@!]?"(?:[^"])*"|[%@$][\w.$-]+|!\w*|#\w+|-?\d+\.\d+(?:e[+-]?\d+)?|0x\w+|-?\d+'
    r"|[A-Za-z_][\w.]*|\.\.\.|[()\[\]{}<>,=*:|]"
)
_FLAGS = frozenset(
    [
        "nuw",
        "nsw",
        "exact",
        "disjoint",
        "nneg",
        "samesign",
        "inbounds",
        "tail",
        "musttail",
        "notail",
        "volatile",
        "atomic",
        "nusw",
        "fast",
        "nnan",
        "ninf",
        "nsz",
        "arcp",
        "contract",
        "afn",
        "reassoc",
        "fastcc",
        "ccc",
        "coldcc",
    ]
)
_OPENING, _CLOSING = frozenset("([{<"), frozenset(")]}>")


class Cursor:
    """Walks over the tokens of one line."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._next = 0

    def peek(self, ahead: int = 0) -> str:
        """The next token, or one behind it; empty at the end."""
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else ""

    def take(self) -> str:
        """The next token, and go on."""
        token = self.peek()
        self._next += 1
        return token

    def accept(self, token: str) -> bool:
        """Go on if the next token is this one."""
        if self.peek() != token:
            return False
        self._next += 1
        return True

    def until(self, token: str) -> None:
        """Skip behind the next `token`."""
        while self.peek() and not self.accept(token):
            self._next += 1

    def skip_group(self) -> str:
        """Skip one balanced bracket; its text."""
        depth, start = 0, self._next
        while self.peek():
            token = self.take()
            depth += (token in _OPENING) - (token in _CLOSING)
            if depth == 0:
                break
        return " ".join(self._tokens[start : self._next])

    def flags(self) -> frozenset[str]:
        """Skip keywords between an operation and its first type."""
        found = set()
        while self.peek() in _FLAGS:
            found.add(self.take())
        return frozenset(found)
