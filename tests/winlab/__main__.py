# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Virtual Windows hosts for playbooks that run in other processes, until it is told to end.

python -m tests.winlab --hosts 3 --inventory build/winlab/hosts.yml
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import yaml

from .background import BackgroundError, end, ensure, held, tell
from .control import serve
from .lab import Lab


def main() -> None:
    parser = argparse.ArgumentParser(prog="winlab", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hosts", type=int, default=1, metavar="N")
    parser.add_argument("--names", default="", metavar="A,B", help="of the hosts, instead of win1 and up")
    parser.add_argument(
        "--inventory", type=Path, default=Path("build/winlab/hosts.yml"), help="written when all listen"
    )
    parser.add_argument("--connection", choices=("winrm", "psrp"), default="psrp")
    parser.add_argument("--scheme", choices=("http", "https"), default="https")
    parser.add_argument("--address", default="127.0.0.1", help="where all of them listen")
    parser.add_argument("--own-addresses", action="store_true", help="127.0.77.1, .2, ... instead (Linux)")
    parser.add_argument("--addresses", default="", metavar="A,B", help="one for each host, which this machine has")
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="of the first host, of each with addresses of their own; 0: any that is free",
    )
    parser.add_argument("--folder", type=Path, help="keeps the drives and logs there; else they go at the end")
    parser.add_argument("--fresh", action="store_true", help="remove what is in the folder: hosts without a past")
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
    background = parser.add_argument_group("as a process of its own, known by a FILE that it keeps")
    background.add_argument("--background", type=Path, metavar="FILE", help="have one that listens, with these options")
    background.add_argument("--end", type=Path, metavar="FILE", help="end it")
    background.add_argument("--dry-run", action="store_true", help="only say what either would do")
    background.add_argument("--hold", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    told = parser.parse_args()
    try:
        if told.background:
            print(ensure(told.background, _others(sys.argv[1:]), dry=told.dry_run))
        elif told.end:
            print(end(told.end, dry=told.dry_run))
        else:
            _run(told)
    except BackgroundError as error:
        sys.exit(f"winlab: {error}")


def _others(words: list[str]) -> list[str]:
    """The options without those that are about the process itself."""
    kept = [word for word in words if word != "--dry-run"]
    at = kept.index("--background")
    return kept[:at] + kept[at + 2 :]


def _run(told: argparse.Namespace) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with contextlib.ExitStack() as closing:
        kept = closing.enter_context(held(told.hold)) if told.hold else None
        if told.fresh and told.folder:
            shutil.rmtree(told.folder, ignore_errors=True)
        lab = _lab(told)
        if told.pid_file:
            closing.callback(told.pid_file.unlink, missing_ok=True)  # the last thing that is done
        closing.enter_context(lab)
        control = serve(lab, told.control)
        closing.callback(control.shutdown)
        lab.write_inventory(told.inventory)
        reached = f"http://127.0.0.1:{control.server_address[1]}/"
        print(
            f"winlab: {len(lab.hosts)} hosts; inventory {told.inventory}, folder {lab.folder}, control {reached}",
            flush=True,
        )
        if told.pid_file:
            told.pid_file.write_text(f"{os.getpid()}\n", encoding="utf-8")
        if kept:
            arguments = sys.argv[1 : sys.argv.index("--hold")]
            tell(kept, {"arguments": arguments, "folder": str(lab.folder.absolute()), "control": reached})
        ended.wait()


def _lab(told: argparse.Namespace) -> Lab:
    lab = Lab(
        told.hosts,
        connection=told.connection,
        scheme=told.scheme,
        own_addresses=told.own_addresses,
        addresses=[address for address in told.addresses.split(",") if address],
        names=[name for name in told.names.split(",") if name],
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
    return lab


if __name__ == "__main__":
    main()
