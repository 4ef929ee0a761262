# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fills RELEASE_OUT with one release of DokuWiki: Debian's package and what it depends on, in one folder that runs
wherever it is. Nothing in it leads to /usr/share, /etc or /var, so that each slot is a release on its own."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parent
# Debian's own, for a controller whose apt names no mirror of it.
ARCHIVE = "http://deb.debian.org/debian"
# Where what Debian has below /usr/share goes; of these, only lib is served.
PLACES = {"javascript": "lib/javascript", "php": "vendor/php", "php-geshi": "vendor/php-geshi"}
# What each release brings of /etc/dokuwiki, beside its *.conf. The rest is the wiki's own, and in shared/conf.
DEFAULTS = ("dokuwiki.php", "license.php", "manifest.json", "mediameta.php", "plugins.php", "plugins.required.php")
# A quoted path below /usr/share, with what Debian's slip puts before it in a file that no PHP of today reads.
NAMED = re.compile(r"(?:\$vendorDir \. )?'/usr/share/(" + "|".join(PLACES) + r")(/[^']*)?'")
LEFT = re.compile(r"['\"]/(?:usr/share|etc|var/lib)/[^'\"]*")


def read_lock(version: str) -> list[tuple[str, str]]:
    """The packages of a release, each with its sha256: lines as sha256sum writes them."""
    lock = HERE / "locks" / f"{version}.txt"
    if not lock.exists():
        known = ", ".join(sorted(path.stem for path in lock.parent.glob("*.txt")))
        sys.exit(f"dokuwiki {version} has no lock; there are {known}. README.md says how one is made.")
    packages = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not re.fullmatch(r"[0-9a-f]{64}  pool/\S+\.deb", line):
            sys.exit(f"{lock.name}: a line is a sha256, two spaces and pool/<path>.deb, not {line!r}")
        sha256, path = line.split("  ")
        packages.append((sha256, path))
    return packages


def mirror() -> str:
    """The mirror of Debian that this machine's apt is configured with."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  # constants
    except FileNotFoundError:
        return ARCHIVE
    # Updates of security have a pool of their own, without the packages of later suites.
    found = re.search(r"^Debian (https?://\S+/debian)/?$", told, re.MULTILINE)
    return found[1] if found else ARCHIVE


def download(url: str, sha256: str, to: pathlib.Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  # the pattern above lets http through
            content = answer.read()
    except (urllib.error.URLError, OSError) as error:
        sys.exit(f"{url} can't be had: {error}. Where Debian has a newer one by now, README.md says what to do.")
    seen = hashlib.sha256(content).hexdigest()
    if seen != sha256:
        sys.exit(f"{url} has the sha256 {seen}, and the lock says {sha256}")
    to.write_bytes(content)


def unpack(deb: pathlib.Path, folder: pathlib.Path) -> None:
    command = ["dpkg-deb", "--extract", str(deb), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # paths of ours
    except FileNotFoundError:
        sys.exit("dpkg-deb isn't there; it is in the package dpkg, which other systems than Debian have too")
    if done.returncode:
        sys.exit(f"{deb.name} can't be unpacked: {done.stderr.strip()[-1000:]}")


def superfluous(folder: str, names: list[str]) -> set[str]:
    """Links, which lead out of the release; what isn't served or is served already compressed; DokuWiki's own tests,
    and its installer, which would set up a wiki anew for whoever asks for it."""
    useless = re.compile(r"\..*|_test|install\.php|.*\.(?:gz|brotli|map)")
    return {name for name in names if useless.fullmatch(name) or pathlib.Path(folder, name).is_symlink()}


def within(text: str, name: str) -> str:
    """The text of the file ``name`` of the release, with what lies in /usr/share named where it is in the release."""
    up = "/.." * name.count("/")

    def moved(match: re.Match[str]) -> str:
        place, rest = PLACES[match[1]], match[2] or ""
        # Paths that end in a slash are those that browsers are told.
        return f"DOKU_BASE . '{place}{rest}'" if rest.endswith("/") else f"__DIR__ . '{up}/{place}{rest}'"

    # Where its own pages would be; inc/preload.php says where they are.
    return NAMED.sub(moved, text).replace("'/var/lib/dokuwiki/data'", "'./data'")


def gather(unpacked: pathlib.Path, out: pathlib.Path) -> None:
    """One folder of what Debian's packages spread over the file system."""
    copy: Callable[..., object] = shutil.copytree
    copy(unpacked / "usr/share/dokuwiki", out, ignore=superfluous, dirs_exist_ok=True)
    copy(unpacked / "var/lib/dokuwiki/lib", out / "lib", ignore=superfluous, dirs_exist_ok=True)
    for name, place in PLACES.items():
        if (unpacked / "usr/share" / name).exists():
            copy(unpacked / "usr/share" / name, out / place, ignore=superfluous)
    (out / "conf").mkdir()
    debian = unpacked / "etc/dokuwiki"
    for file in [*debian.glob("*.conf"), *(debian / name for name in DEFAULTS)]:
        shutil.copyfile(file, out / "conf" / file.name)
    # Ours, in place of Debian's inc/preload.php, which leads to /etc.
    copy(HERE / "added", out, dirs_exist_ok=True)


def settle(out: pathlib.Path) -> None:
    """Has the release name nothing outside of it."""
    left = []
    for file in sorted(path for path in out.rglob("*") if path.suffix in (".php", ".inc")):
        name = file.relative_to(out).as_posix()
        # Some files of GeSHi are not UTF-8; each byte is kept as it is.
        text = file.read_text(encoding="latin-1")
        if name.startswith(tuple(f"{place}/" for place in PLACES.values())):
            continue
        settled = within(text, name)
        if settled != text:
            file.write_text(settled, encoding="latin-1")
        left += [f"{name}: {found}" for found in LEFT.findall(settled)]
    if left:
        sys.exit("these lead out of the release, and artifact/build.py has to learn them: " + "; ".join(left))


def build(version: str, out: pathlib.Path) -> None:
    packages = read_lock(version)
    archive = mirror()
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = pathlib.Path(scratch, "unpacked")
        for sha256, path in packages:
            deb = pathlib.Path(scratch, pathlib.Path(path).name)
            download(f"{archive}/{path}", sha256, deb)
            unpack(deb, unpacked)
        gather(unpacked, out)
    says = (out / "VERSION").read_text(encoding="utf-8").split()[0]
    if says != version:
        sys.exit(f"the packages of locks/{version}.txt hold DokuWiki {says}")
    settle(out)
    named = f"<?php\n// The release that this folder holds.\nreturn '{version}';\n"
    (out / "inc/release.php").write_text(named, encoding="utf-8")


if __name__ == "__main__":
    build(os.environ["RELEASE_VERSION"], pathlib.Path(os.environ["RELEASE_OUT"]))
