"""Two installations on one Redis."""

from __future__ import annotations

import time

from tests.support.ledger import ANSWER, Ledger, require_once
from tests.support.town import Town


def test_installations_with_prefixes_of_their_own_share_a_redis(town: Town, ledger: Ledger):
    town.populate(workers=0)
    staging = town.start_worker(KEY_PREFIX="staging:2")
    ledger.upload(2)
    queued = [f"soundalike:queue:{name}.msgs" for name in ("intake", "embed")]
    town.driver.wait_for(lambda: sum(map(town.redis.client.hlen, queued)) == 2)
    time.sleep(1.0)
    assert sum(map(town.redis.client.hlen, queued)) == 2
    staging.stop()
    prefixes = {key.decode().partition(":")[0] for key in town.redis.client.scan_iter()}
    assert prefixes == {"soundalike", "staging"}
    town.start_worker()
    require_once(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())
