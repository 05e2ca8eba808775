# SPDX-License-Identifier: Apache-2.0
"""Updates on their way from the scheduler to the requests."""

from __future__ import annotations

import asyncio
from typing import Any

from pynq_driver.serving.inbox import PostOffice
from pynq_driver.serving.scheduler import Update


def test_updates_that_pile_up_become_one() -> None:
    async def work() -> None:
        first, second, stranger = object(), object(), object()
        streams: Any = [first, second]
        office = PostOffice(asyncio.get_running_loop())
        inbox = office.open(streams)
        assert office.open_streams == 2
        rounds: Any = [
            [(first, Update(text="a", tokens=[1])), (stranger, Update(text="x"))],
            [(first, Update(text="b", tokens=[2, 3])), (second, Update(text="c", tokens=[4]))],
        ]
        for updates in rounds:
            office.deliver(updates)
        await asyncio.sleep(0)
        found = await inbox.take()
        assert {index: (item.text, item.tokens) for index, item in found.items()} == {
            0: ("ab", [1, 2, 3]),
            1: ("c", [4]),
        }
        office.close([streams[0]])
        assert office.open_streams == 1
        office.deliver([(streams[0], Update(text="late")), (streams[1], Update(text="d"))])
        assert list(await inbox.take()) == [1]

    asyncio.run(work())


def test_taking_waits_for_something() -> None:
    async def work() -> None:
        stream: Any = object()
        office = PostOffice(asyncio.get_running_loop())
        inbox = office.open([stream])
        task = asyncio.create_task(inbox.take())
        await asyncio.sleep(0.01)
        assert not task.done()
        await asyncio.to_thread(office.deliver, [(stream, Update(text="a"))])
        assert (await task)[0].text == "a"

    asyncio.run(work())


def test_delivery_after_the_loop_has_ended_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    office = PostOffice(loop)
    loop.close()
    office.deliver([])
