# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members that are switched where they are, without leaving the online pool: what they serve is said beforehand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from . import locks
from .balancer import Balancer
from .haproxy import BalancerError
from .locks import Refusal


def serve(balancer: Balancer, params: Mapping[str, Any]) -> dict[str, Any]:
    """Has the record and the journal say that ``members`` serve ``version`` from now on.

    Before they do, so that the journal is not later than customers are. A rollout that was asked to stop is refused,
    unless it is ``turning_back``.
    """
    version = params["version"]
    with balancer.record.held() as data:
        lock = balancer.lock(data, params["number"])
        stop = lock.get("stop")
        if stop and not params.get("turning_back"):
            raise Refusal("stopped", f"{stop['by']} asked the rollout to stop")
        leased = [name for name in params["members"] if name in data["leases"]]
        if leased:
            raise BalancerError(f"{leased[0]} is leased, so it is changed while it takes no traffic, and not here")
        telling = [name for name in params["members"] if data["versions"].get(name) != version]
        if balancer.dry:
            return {"changed": bool(telling)}
        if locks.renew(lock, time.time()) or telling:
            for name in telling:
                balancer.tell("admitting", name, data, version=version)
                data["versions"][name] = version
            balancer.record.save()
    return {"changed": bool(telling)}
