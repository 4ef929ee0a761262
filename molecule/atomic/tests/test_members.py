# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each member holds both releases, ready to be served, and one wiki for both."""

from __future__ import annotations

import json

testinfra_hosts = ["ansible://dokuwiki"]
ROOT = "/srv/dokuwiki"
OLD, NEW = "2022-07-31b", "2024-02-06b"


def test_each_slot_holds_one_of_the_releases_and_the_older_one_is_in_use(host):
    said = host.check_output(f"cd {ROOT} && grep -h return current/inc/release.php slots/*/inc/release.php")
    current, *slots = said.splitlines()
    assert current == f"return '{OLD}';"
    assert sorted(slots) == [f"return '{OLD}';", f"return '{NEW}';"]


def test_both_releases_are_proven_good(host):
    said = host.check_output(f"cat {ROOT}/records/{OLD}.json && echo , && cat {ROOT}/records/{NEW}.json")
    assert [(bool(one["good_at"]), one["bad_at"]) for one in json.loads(f"[{said}]")] == [(True, None)] * 2


def test_each_release_has_a_cache_of_its_own_and_nothing_was_written_to_a_slot(host):
    written = host.check_output(
        f"find {ROOT}/shared/cache {ROOT}/slots -maxdepth 1 -user dokuwiki; find {ROOT}/slots -user dokuwiki"
    )
    assert sorted(written.splitlines()) == [f"{ROOT}/shared/cache/{version}" for version in (OLD, NEW)]
