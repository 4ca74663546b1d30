"""The committer: acknowledged means on disk, and one fsync serves many."""

from __future__ import annotations

import asyncio

import fake_office as fakes
import pytest

from quickstudy.errors import DiskTrouble
from quickstudy.service.commit import Committer


def test_a_hundred_that_come_together_share_few_commits():
    log, served = fakes.FakeLog(), []
    log.seconds = 0.01

    async def one(committer):
        position = log.append()
        await committer.saved(position)
        assert log.saved >= position

    async def run():
        with Committer(log, lambda seconds, count: served.append(count)).running() as committer:
            await asyncio.gather(*(one(committer) for _ in range(100)))

    asyncio.run(run())
    assert log.syncs <= 3 and sum(served) == 100


def test_who_comes_during_a_commit_waits_for_the_next():
    log = fakes.FakeLog()

    async def run():
        with Committer(log).running() as committer:
            with fakes.frozen(log):
                first = asyncio.create_task(committer.saved(log.append()))
                await asyncio.sleep(0.05)  # its sync is under way, and has looked at the log
                late = asyncio.create_task(committer.saved(log.append()))
                await asyncio.sleep(0.05)
                assert not first.done() and not late.done()
            await asyncio.wait_for(asyncio.gather(first, late), 10)

    asyncio.run(run())
    assert log.syncs == 2 and log.saved == 2


def test_what_is_saved_already_waits_for_nothing():
    log = fakes.FakeLog()
    log.append()
    log.sync()

    async def run():
        await Committer(log).saved(1)  # not even running

    asyncio.run(run())


def test_trouble_is_told_to_those_who_wait_and_the_next_one_tries_again():
    log = fakes.FakeLog()

    async def run():
        with Committer(log).running() as committer:
            log.is_full = True
            told = await asyncio.gather(
                *(committer.saved(log.append()) for _ in range(3)), return_exceptions=True
            )
            assert all(isinstance(one, DiskTrouble) for one in told)
            log.is_full = False
            await committer.saved(log.append())
            assert log.saved == 4

    asyncio.run(run())


def test_who_hung_up_is_not_waited_for():
    log = fakes.FakeLog()

    async def run():
        with Committer(log).running() as committer:
            with fakes.frozen(log):
                gone = asyncio.create_task(committer.saved(log.append()))
                await asyncio.sleep(0.05)
                gone.cancel()
                stays = asyncio.create_task(committer.saved(log.append()))
                await asyncio.sleep(0.05)
            await asyncio.wait_for(stays, 10)
            assert gone.cancelled()

    asyncio.run(run())


def test_stopping_tells_those_who_still_wait():
    log = fakes.FakeLog()

    async def run():
        with Committer(log).running() as committer:
            committer._is_syncing = True  # as if the thread were busy for ever
            waits = asyncio.create_task(committer.saved(log.append()))
            await asyncio.sleep(0)
        with pytest.raises(DiskTrouble):
            await waits

    asyncio.run(run())
