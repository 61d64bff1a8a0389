from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recommender.embedders.networks.batching import BatchedNetwork
from tests.support.networks import FirstSamples


def rows(*values: int) -> np.ndarray:
    return np.repeat(np.array(values, np.float32), 200).reshape(-1, 200)


def test_rows_that_come_while_the_network_is_busy_go_together():
    network = FirstSamples("musicnn-msd", batch=8)
    network.gate.clear()
    batched = BatchedNetwork(network)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(batched.run, rows(0))
        network.entered.acquire()
        others = [threads.submit(batched.run, rows(*[n] * 3)) for n in range(1, 5)]
        while batched._jobs.qsize() < 4:
            pass
        network.gate.set()
        answers = [future.result()[0] for future in (first, *others)]
    assert network.batches == [1, 6, 6]
    for number, vectors in enumerate(answers):
        np.testing.assert_array_equal(vectors, rows(*[number] * (3 if number else 1)))
    batched.close()


def test_each_caller_gets_its_own_rows():
    network = FirstSamples("musicnn-msd", batch=8)
    seen: list[int] = []
    batched = BatchedNetwork(network, seen.append)

    def call(number: int) -> bool:
        values = range(number, number + 1 + number % 8)
        return bool((batched.run(rows(*values))[0] == rows(*values)).all())

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(call, range(200)))
    assert max(network.batches) <= 8 and sum(network.batches) == sum(1 + n % 8 for n in range(200))
    assert seen == network.batches
    batched.close()


def test_a_failure_reaches_its_caller_and_the_network_goes_on():
    batched = BatchedNetwork(FirstSamples("musicnn-msd"))
    with pytest.raises(RuntimeError, match="the network fails"):
        batched.run(rows(32_767))
    assert batched.run(rows(5))[0][0, 0] == 5
    batched.close()
    assert not any(thread.name == "network" and thread is batched._thread for thread in threading.enumerate())
