# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of a rollout: who holds it, until when, and by which number. Pure but for ``now``, the balancer's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):  # noqa: N818  # no error: an answer that the caller acts on
    """An operation isn't done, for a reason that has a kind."""

    def __init__(self, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.answer = {"refused": {"kind": kind, "msg": message, **more}}


def acquire(data: dict[str, Any], asked: Mapping[str, Any], now: float) -> int:
    """Takes the lock for ``asked`` (owner, rollout, version, at_least, ttl, steal, steal_number); returns its number.

    Whoever holds it already gets the same number again. Every other holder gets a higher one than all before.
    """
    lock = data["lock"]
    if lock and lock["owner"] == asked["owner"] and lock["rollout"] == asked["rollout"]:
        lock.update(number=max(lock["number"], asked.get("at_least") or 0), until=now + asked["ttl"])
        data["number"] = lock["number"]
        return lock["number"]
    if lock and lock["until"] > now and lock["owner"] != asked["owner"] and not _may_steal(lock, asked):
        raise Refusal(
            "locked",
            f"{lock['owner']['name']} holds the lock for {lock['rollout']}, for {lock['until'] - now:.0f} s more"
            " unless it renews it",
            by=lock["owner"],
            rollout=lock["rollout"],
            number=lock["number"],
            until_seconds=round(lock["until"] - now, 1),
        )
    data["number"] = max(data["number"] + 1, asked.get("at_least") or 0)
    data["lock"] = {
        "owner": asked["owner"],
        "rollout": asked["rollout"],
        "version": asked["version"],
        "number": data["number"],
        "ttl": asked["ttl"],
        "since": now,
        "until": now + asked["ttl"],
        "failures": [],
        "stop": None,
    }
    # Nothing was done yet under these, and whoever took them can't go on any more.
    data["leases"] = {name: lease for name, lease in data["leases"].items() if lease["phase"] != "reserved"}
    return data["number"]


def check_number(data: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The lock, where ``number`` is its holder's; raises Refusal ``superseded`` otherwise."""
    lock = data["lock"]
    if lock and lock["number"] == number == data["number"]:
        return lock
    if number < data["number"]:
        now = f"{lock['owner']['name']} holds it for {lock['rollout']}" if lock else "it was released since"
        raise Refusal("superseded", f"the lock went on to number {data['number']} and this is number {number}: {now}")
    if number == data["number"]:
        raise Refusal("superseded", f"the lock of number {number} was released")
    raise Refusal(
        "superseded", f"this balancer knows numbers up to {data['number']} and not {number}: take the lock again"
    )


def renew(lock: dict[str, Any], now: float) -> bool:
    """Gives the lock its whole time again; tells whether that is worth a write to the disk."""
    worth = lock["until"] - now < 0.75 * lock["ttl"]
    if worth:
        lock["until"] = now + lock["ttl"]
    return worth


def release(data: dict[str, Any], number: int) -> bool:
    """Gives the lock back; False where nobody has it any more."""
    if data["lock"] is None and number == data["number"]:
        return False
    check_number(data, number)
    data["lock"] = None
    return True


def _may_steal(lock: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Stealing can name the number that it means, so that a lock that changed hands meanwhile stays where it is."""
    meant = asked.get("steal_number")
    return bool(asked.get("steal")) and meant in (None, lock["number"])
