# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The recipe of DokuWiki: a release that leads nowhere else, out of packages that are what their lock says."""

from __future__ import annotations

import hashlib
import importlib.util
import pathlib
import subprocess

import pytest

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles/dokuwiki"


@pytest.fixture
def recipe():
    spec = importlib.util.spec_from_file_location("dokuwiki_build", ROLE / "artifact/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def locks(recipe, tmp_path, monkeypatch):
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr(recipe, "HERE", tmp_path)
    return tmp_path / "locks"


@pytest.mark.parametrize(
    ("name", "text", "settled"),
    [
        pytest.param(
            "lib/exe/js.php",
            "'/usr/share/javascript/jquery/jquery.js',",
            "__DIR__ . '/../../lib/javascript/jquery/jquery.js',",
            id="a script is read from the release",
        ),
        pytest.param(
            "lib/exe/css.php",
            "= '/usr/share/javascript/jquery-ui/themes/base/';",
            "= DOKU_BASE . 'lib/javascript/jquery-ui/themes/base/';",
            id="a folder is what browsers are told",
        ),
        pytest.param(
            "vendor/composer/autoload_static.php",
            "'GeSHi' => '/usr/share/php-geshi/geshi.php',",
            "'GeSHi' => __DIR__ . '/../../vendor/php-geshi/geshi.php',",
            id="a library whose folder begins like another one's",
        ),
        pytest.param(
            "vendor/composer/autoload_psr4.php",
            "array('/usr/share/php')",
            "array(__DIR__ . '/../../vendor/php')",
            id="the folder of all libraries",
        ),
        pytest.param(
            "vendor/composer/autoload_files.php",
            "$vendorDir . '/usr/share/php/phpseclib/bootstrap.php'",
            "__DIR__ . '/../../vendor/php/phpseclib/bootstrap.php'",
            id="Debian's slip",
        ),
        pytest.param("doku.php", "'/usr/share/php/a.php'", "__DIR__ . '/vendor/php/a.php'", id="a file at the top"),
        pytest.param("doku.php", "'/usr/shared/a.php'", "'/usr/shared/a.php'", id="another folder is left alone"),
    ],
)
def test_what_is_in_usr_share_is_looked_for_in_the_release(recipe, name, text, settled):
    assert recipe.within(text, name) == settled


def test_a_path_that_the_recipe_does_not_know_is_refused(recipe, tmp_path):
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc/preload.php").write_text('include("/etc/dokuwiki/preload.php");')
    with pytest.raises(SystemExit, match=r"lead out of the release.*inc/preload.php: \"/etc/dokuwiki/preload.php"):
        recipe.settle(tmp_path)


def test_links_and_the_installer_are_left_out(recipe, tmp_path):
    (tmp_path / "tpl").symlink_to("/var/lib/dokuwiki/lib/tpl")
    names = ["tpl", "doku.php", "install.php", ".htaccess", "_test", "jquery.min.js", "jquery.min.js.gz"]
    assert recipe.superfluous(str(tmp_path), names) == {"tpl", "install.php", ".htaccess", "_test", "jquery.min.js.gz"}


def test_a_version_without_a_lock_is_told_those_that_have_one(recipe, locks):
    (locks / "2024-02-06b.txt").touch()
    with pytest.raises(SystemExit, match="dokuwiki 9 has no lock; there are 2024-02-06b"):
        recipe.read_lock("9")


def test_a_line_of_a_lock_that_is_none_is_shown(recipe, locks):
    (locks / "9.txt").write_text("0123  pool/main/d/dokuwiki/dokuwiki.deb\n")
    with pytest.raises(SystemExit, match=r"a line is a sha256, two spaces and pool/<path>\.deb, not '0123"):
        recipe.read_lock("9")


@pytest.mark.parametrize("version", sorted(path.stem for path in (ROLE / "artifact/locks").glob("*.txt")))
def test_the_locks_name_dokuwiki_first_and_each_package_once(recipe, version):
    paths = [path for _, path in recipe.read_lock(version)]
    assert paths[0].startswith("pool/main/d/dokuwiki/")
    assert len(set(paths)) == len(paths)


def test_a_package_with_other_content_is_refused(recipe, tmp_path):
    (tmp_path / "a.deb").write_bytes(b"other")
    wanted, seen = hashlib.sha256(b"this").hexdigest(), hashlib.sha256(b"other").hexdigest()
    with pytest.raises(SystemExit, match=f"has the sha256 {seen}, and the lock says {wanted}"):
        recipe.download((tmp_path / "a.deb").as_uri(), wanted, tmp_path / "b.deb")
    assert not (tmp_path / "b.deb").exists()


def test_a_package_that_is_gone_is_said(recipe, tmp_path):
    with pytest.raises(SystemExit, match=r"a\.deb can't be had: .*README"):
        recipe.download((tmp_path / "a.deb").as_uri(), "0" * 64, tmp_path / "b.deb")


@pytest.mark.parametrize(
    ("told", "mirror"),
    [
        ("Debian http://mirror.example.com/debian/\n", "http://mirror.example.com/debian"),
        (
            "Debian http://deb.debian.org/debian-security/\nDebian http://deb.debian.org/debian/\n",
            "http://deb.debian.org/debian",
        ),
        ("Ubuntu http://archive.example.com/ubuntu/\n", "http://deb.debian.org/debian"),
    ],
    ids=["a mirror", "the pool of security holds no other packages", "another system"],
)
def test_packages_come_from_the_mirror_of_this_machine(recipe, monkeypatch, told, mirror):
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, stdout=told))
    assert recipe.mirror() == mirror


def test_the_cache_of_a_release_is_made_and_those_of_others_that_are_gone_are_removed(tmp_path):
    root = tmp_path / "dokuwiki"
    for folder in ("shared/cache/gone", "shared/cache/there", "shared/data", "releases/there"):
        (root / folder).mkdir(parents=True)
    given = {"RELEASE_ROOT": str(root), "RELEASE_VERSION": "new", "PATH": "/usr/bin:/bin"}
    for _ in range(2):
        subprocess.run([ROLE / "artifact/added/bin/fleet-cache"], env=given, check=True)
        assert sorted(path.name for path in (root / "shared/cache").iterdir()) == ["new", "there"]
    (root / "shared/cache/new/purgefile").write_text("now")
    assert (root / "shared/data/purgefile").read_text() == "now"
