"""The faults that happen most, on real processes; all of them are in `tests/soak`."""

from __future__ import annotations

import threading
import time

from sandbox.client.driver import Driver
from tests.soak.test_workers import killed_while
from tests.support.ledger import ANSWER, Ledger, require_once, sound
from tests.support.town import Town


def test_a_worker_killed_after_posting_leads_to_one_answer(town: Town, ledger: Ledger):
    killed_while(town, "chat.postMessage", ledger, require_once)


def test_redis_restarted_empty_loses_nothing(town: Town, ledger: Ledger):
    town.embedder.control(delay=0.5)
    ledger.upload(5)
    time.sleep(0.7)
    town.redis.stop()
    town.redis.empty()
    town.redis.start()
    ledger.upload(2)
    require_once(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_cut_sockets_and_repeated_events_lose_and_double_nothing(town: Town, ledger: Ledger):
    town.driver.faults(doubled_events=True, retry_delays=[0, 1, 2, 4])
    for _ in range(3):
        ledger.upload(2)
        town.driver.drop_sockets()
        time.sleep(0.3)
    require_once(ledger.settle())


def test_one_file_of_many_people_is_embedded_once(town: Town, ledger: Ledger):
    town.embedder.control(delay=0.5)
    before = town.embedder.counts()["begun"]
    path = town.folder / "same.wav"
    path.write_bytes(sound(time.time_ns()))
    parts = [Ledger("", Driver(town.url), town.folder) for _ in range(2)]
    threads = [threading.Thread(target=part.upload, args=(4,), kwargs={"path": path}) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in parts:
        ledger.uploads |= part.uploads
    require_once(ledger.settle())
    assert town.embedder.counts()["begun"] - before == 1
