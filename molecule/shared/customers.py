#!/usr/bin/env python3
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Customers of a service, for as long as a playbook runs: ``customers.py INVENTORY SERVICE FOLDER PATH PER_SECOND``.

They ask for PATH, whose answers name the version as the contract's health says; an empty one is what that asks for.
An empty PER_SECOND is the usual one.
From the first that was served until the end FOLDER holds ``pid``, to be sent SIGTERM. What they saw is in
FOLDER/<epoch seconds>.jsonl, a line for each request.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demo.lab import Lab
from demo.load import Load
from demo.records import Config

PER_SECOND = 40
START_SECONDS = 45
LIMIT_SECONDS = 600


def main(inventory: str, service: str, folder: str, path: str, per_second: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    lab = Lab.read(Path(inventory))
    target = lab.services[service].target()
    config = Config(
        balancers={host.name: f"http://{host.address}" for host in lab.balancers},
        targets=(replace(target, path=path or target.path),),
        rate=float(per_second or PER_SECOND),
        seconds=LIMIT_SECONDS,
    )
    pid = Path(folder, "pid")
    with Load(config, Path(folder), name=str(int(time.time()))) as load:
        until = time.monotonic() + START_SECONDS
        while all(record.failed for record in load.records()):
            if not load.running or time.monotonic() > until:
                sys.exit(f"nobody was served: {load.stop().errors}")
            time.sleep(0.05)
        pid.write_text(str(os.getpid()), encoding="utf-8")
        signal.sigtimedwait({signal.SIGTERM}, LIMIT_SECONDS)
        load.stop()
    pid.unlink(missing_ok=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
