# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Virtual Windows hosts for playbooks that run in other processes, until it is told to end.

python -m tests.winlab --hosts 3 --inventory build/winlab/hosts.yml
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

import yaml

from .control import serve
from .lab import Lab


def main() -> None:
    parser = argparse.ArgumentParser(prog="winlab", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hosts", type=int, default=1, metavar="N")
    parser.add_argument(
        "--inventory", type=Path, default=Path("build/winlab/hosts.yml"), help="written when all listen"
    )
    parser.add_argument("--connection", choices=("winrm", "psrp"), default="psrp")
    parser.add_argument("--scheme", choices=("http", "https"), default="https")
    parser.add_argument("--address", default="127.0.0.1", help="where all of them listen")
    parser.add_argument("--own-addresses", action="store_true", help="127.0.77.1, .2, ... instead (Linux)")
    parser.add_argument("--port", type=int, default=0, help="of the first host; 0: any that is free")
    parser.add_argument("--folder", type=Path, help="keeps the drives and logs there; else they go at the end")
    parser.add_argument("--user", default="Administrator")
    parser.add_argument("--password-file", type=Path, help="its first line is the user's password")
    parser.add_argument("--basic", action="store_true", help="allow Basic, which Windows does not unless told")
    parser.add_argument("--unencrypted", action="store_true", help="allow plain messages over HTTP, the same")
    parser.add_argument("--sites", action="store_true", help="sites of IIS listen and answer with their files")
    parser.add_argument(
        "--answers", type=Path, help="YAML: list of {text, stdout, stderr, rc} for scripts and commands"
    )
    parser.add_argument("--control", type=int, default=0, metavar="PORT", help="see control.py; 0: any that is free")
    parser.add_argument("--pid-file", type=Path, help="written when all listen, gone when it has ended")
    told = parser.parse_args()
    lab = Lab(
        told.hosts,
        connection=told.connection,
        scheme=told.scheme,
        own_addresses=told.own_addresses,
        address=told.address,
        port=told.port,
        folder=told.folder,
        user=told.user,
        basic=told.basic,
        unencrypted=told.unencrypted,
        sites=told.sites,
        **({"password": told.password_file.read_text().splitlines()[0]} if told.password_file else {}),
    )
    for answer in yaml.safe_load(told.answers.read_text()) if told.answers else []:
        for host in lab.hosts:
            host.answers.say(**answer)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with lab:
        control = serve(lab, told.control)
        lab.write_inventory(told.inventory)
        if told.pid_file:
            told.pid_file.write_text(f"{os.getpid()}\n", encoding="utf-8")
        print(
            f"winlab: {told.hosts} hosts; inventory {told.inventory}, folder {lab.folder}, "
            f"control http://127.0.0.1:{control.server_address[1]}/",
            flush=True,
        )
        ended.wait()
        control.shutdown()
    if told.pid_file:
        told.pid_file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
