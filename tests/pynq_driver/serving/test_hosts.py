# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pynq_driver.serving.hosts import HostNames, check_origins, is_loopback
from tritforge.errors import ConfigurationError


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("app.localhost:3000", True),
        ("127.0.0.1", True),
        ("127.0.0.2:8000", True),
        ("[::1]", True),
        ("[::1]:8000", True),
        ("[0:0:0:0:0:0:0:1]:80", True),
        ("my-machine.example", True),
        ("My-Machine.Example.:80", True),
        ("10.1.2.3:80", True),
        ("[fe80::1]:80", True),
        ("10.1.2.4", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("my-machine.example@evil.example", False),
        ("evil.example/localhost", False),
        ("localhost:x", False),
        ("localhost:99999", False),
        ("[::1", False),
        ("::1", False),
        (" ", False),
        ("", False),
    ],
)
def test_names_that_are_answered(header: str, accepted: bool) -> None:
    names = HostNames(["my-machine.example", "10.1.2.3", "fe80::1"])
    assert names.accept(header) is accepted


@pytest.mark.parametrize(
    "name", ["", "http://a", "a:80", "a/b", "*", "*.example", "a b", "1::2::3"]
)
def test_what_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="host name"):
        HostNames([name])


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example", "localhost.example")))


def test_origins() -> None:
    check_origins(
        ("*", "http://localhost:3000", "https://a.example", "http://[::1]:80", "null://x")
    )
    for origin in ("localhost:3000", "http://a/", "http://a/b", "a", "", "https://a?b"):
        with pytest.raises(ConfigurationError, match="origin"):
            check_origins([origin])
