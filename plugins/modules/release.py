# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Stage a release on a host, switch to it, mark and prune releases
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Brings one version of a service to one state on a host. A release is an immutable artifact with a sha256.
  - V(staged) fetches the artifact, verifies it, unpacks and prepares it beside the running release. It is there
    whole, or not at all.
  - V(active) switches the link C(current) to it in one step that survives a power cut, then runs O(activate). Where
    these fail, the task fails and the switch counts as begun. Run again, it is carried through. To turn back, activate
    the earlier version.
  - On a Windows host V(active) gives the service or the website the release's path and starts it anew. Recorded is
    what was carried through to its end; a release that is active by the record is switched to again where it isn't what
    runs.
  - V(good) marks it as proven, V(bad) as not to be offered again, with the time and the O(reason).
  - On a Linux host the work is done by one Python program, in one round trip; on a Windows host by stock modules, one
    after the other. Nothing is installed there.
options:
  root:
    description:
      - The folder of the service on a Linux host. Below it are C(releases/<version>), the link C(current), C(shared)
        for what outlives releases, and the records.
    type: str
    required: true
  version:
    description: The name of the version, 1 to 64 letters, digits and C(. _ + -), beginning with a letter or a digit.
    type: str
    required: true
  state:
    description: The state to bring the version to. All but V(staged) need a staged release.
    type: str
    choices: [staged, active, good, bad]
    default: staged
  url:
    description:
      - Where the host fetches the artifact from, a zip, or on a Linux host also a tar archive, plain or compressed by
        gzip, bzip2 or xz. C(http) and C(https) only.
      - Either this or O(src) is needed while the version isn't staged, else it isn't used.
    type: str
  src:
    description: The artifact as a file that is on the host already. It is left there.
    type: str
  sha256:
    description:
      - The sha256 of the artifact, verified on the host before it is unpacked.
      - A staged version that was made of an artifact with another sha256 is an error.
    type: str
  size:
    description: The size of the artifact in bytes, as its manifest says. O(index) and O(in_memory) need it.
    type: int
    default: 0
  relays:
    description:
      - URLs of relays that have at O(url)'s path what the store has there; asked first, in this order.
      - One that can't be reached, brings nothing, or whose bytes don't have the O(sha256) is passed by, and the store
        comes last. The answer says so.
      - Not asked where there are O(headers), or O(url) has a password or a query, as that is for the store alone.
      - Without use on Windows hosts.
    type: list
    elements: str
  index:
    description:
      - The artifact's index, as its manifest says. By it a host that has a release in use fetches only the pieces of
        the artifact that differ, where that is less than 70 % of it, and takes the other files from what is in use.
      - Each piece and each file is verified by the index, and that by its sha256. Where anything is otherwise than it
        says, the whole artifact is fetched.
      - Without use on Windows hosts.
    type: dict
    suboptions:
      url:
        description: Where it is.
        type: str
        required: true
      sha256:
        description: Its sha256.
        type: str
        required: true
      size:
        description: Its size in bytes.
        type: int
        required: true
  in_memory:
    description:
      - Whether to keep what is fetched in memory until it is unpacked. Where twice the O(size) isn't available, or it
        isn't known, the disk takes it. Without use on Windows hosts.
    type: bool
    default: false
  headers:
    description:
      - Headers for the request, such as one with a token. Another host that O(url) redirects to isn't told.
      - A Windows host follows no redirect where there are headers.
    type: dict
  max_bytes:
    description: The largest size of the artifact, and of what it unpacks to. For a Windows host see O(unpacked_bytes).
    type: int
    default: 1073741824
  max_files:
    description: The largest number of files and folders in the artifact.
    type: int
    default: 200000
  retries:
    description:
      - How often in a row the fetch is tried again without getting on. Where the store allows it, it goes on where
        it was cut; on a Windows host it begins anew.
    type: int
    default: 4
  fetch_timeout_seconds:
    description:
      - How long the store may send nothing, or next to nothing, before the attempt is given up. On a Windows host, the
        C(url_timeout) of M(ansible.windows.win_get_url).
    type: float
    default: 20.0
  prepare:
    description:
      - Commands to run inside the unpacked release before it counts as staged, each a list of words. Afterwards it is
        renamed to its place, so they may not leave its path behind.
      - They run with a small environment, C(PATH), C(LANG), C(HOME), C(RELEASE_ROOT), C(RELEASE_PATH) and
        C(RELEASE_VERSION), without input.
    type: list
    elements: raw
  prepare_timeout_seconds:
    description: How long all commands of O(prepare) together may take. Then they are killed with all they started.
    type: float
    default: 300.0
  activate:
    description: Commands to run inside the release after the switch, with the same environment.
    type: list
    elements: raw
  activate_timeout_seconds:
    description:
      - How long all commands of O(activate) together may take. Then they are killed with all they started.
      - On a Windows host the service's stop and start count as well. One that isn't done then is asked how it stands.
    type: float
    default: 60.0
  windows:
    description:
      - What a Windows host needs to be told, as the contract's C(windows) says it. Without use on other hosts.
      - There O(root), O(src), O(prepare), O(activate), O(max_files) and O(lock_wait_seconds) count for nothing; the
        folder and the commands are those in here.
    type: dict
  unpacked_bytes:
    description:
      - What the artifact unpacks to, as its manifest says. A Windows host can't bound it while it unpacks, so more than
        O(max_bytes) is refused there before anything is fetched.
    type: int
    default: 0
  slots:
    description:
      - Whether the release runs from one of two fixed folders, C(slots/yin) and C(slots/yang), which C(current) then
        leads to. V(staged) also brings the idle one to the release, and points the link C(next) at it; V(active)
        switches to it.
      - A slot is brought to a release by what differs. Files that are the same keep their inode and their times. A
        file's time stands for its content, on every host.
      - What somebody edited in a slot is said in RV(edited), and put right.
      - Without use on Windows hosts, which have no slots.
    type: bool
    default: false
  at:
    description:
      - With O(state=active), when to switch, in seconds since 1970 by the controller's clock, at most 240 ahead.
        Hosts that are told one after the other then switch together. The task answers at once, and the host waits by
        itself; O(activate) runs after the switch. A moment that is over when the host is ready means at once.
      - Whether it was carried through is told by the same task without this option, afterwards. That also carries it
        through where the host could not.
      - A task with a higher O(number), or one that switches to another version, calls it off while it is waited for.
      - A host whose clock visibly differs from the controller's switches as much later as it took to tell it. Where
        systemd's C(KillUserProcesses) ends what a connection leaves, it switches with the task that comes afterwards.
      - Not for Windows hosts.
    type: float
  quiesce:
    description:
      - With O(slots), commands to run before the idle slot is written to, each a list of words. They wait until nothing
        runs from it any more. C({slot}) is replaced by its folder.
    type: list
    elements: raw
  quiesce_timeout_seconds:
    description: How long all commands of O(quiesce) together may take. Then they are killed with all they started.
    type: float
    default: 60.0
  reason:
    description: Why the release is bad.
    type: str
  keep_good:
    description:
      - With O(state=good), how many good releases stay; all others are removed. The active release and the newest
        other good one, the way back, stay in any case.
      - Without it, nothing is removed.
    type: int
  number:
    description:
      - The number that came with the rollout's lock. Where a higher one has been, the task fails as superseded and
        changes nothing.
    type: int
  until:
    description:
      - Until when the change may be made, in seconds since 1970 by the controller's clock. Later it fails as superseded
        and changes nothing. For whoever has seen a while ago that the lock is its own, and may have been stopped since.
    type: float
  lock_wait_seconds:
    description:
      - How long to wait for another change of the same service on this host. That may be one whose controller died; it
        goes on to its end.
    type: float
    default: 300.0
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - A version that isn't staged counts as one that an earlier task of the same run would have staged.
      - A Windows host's pending reboot, or a service or website that isn't there, is refused as without check mode.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
notes:
  - A host that can't be reached fails with RV(unreachable_host), not as Ansible's unreachable, so that C(rescue) runs.
  - A Linux host needs Python 3.9 or later, and nothing else.
  - On a Windows host, stock modules of C(ansible.windows), C(community.windows) and C(microsoft.iis) do the work, two
    to six a state; the artifact is a zip. The release that is switched to is named in the path of the service or of the
    website, the record is in the registry. Pruned releases lose their folders when the next one is staged.
seealso:
  - module: golden.fleet.release_info
  - module: golden.fleet.rollout_lock
"""

EXAMPLES = r"""
- name: Stage the release beside the running one
  golden.fleet.release:
    root: /srv/datasette
    version: 0.65.1
    url: http://store.example.com/datasette/0.65.1/datasette-0.65.1.tar.gz
    sha256: 9a271b2d2f2b3c3c5f0f4a2b2b8a7a8f3f2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e
    prepare:
      - [uv, sync, --offline, --frozen]

- name: Switch to it
  golden.fleet.release:
    root: /srv/datasette
    version: 0.65.1
    state: active
    activate:
      - [systemctl, restart, datasette.service]

- name: Mark it good, and keep the last three good ones
  golden.fleet.release:
    root: /srv/datasette
    version: 0.65.1
    state: good
    keep_good: 3
"""

RETURN = r"""
version:
  description: The version that the task was about.
  returned: success
  type: str
  sample: 0.65.1
active:
  description: The active version, or none; with O(at), the one that will be.
  returned: success
  type: str
  sample: 0.65.1
previous:
  description: The version that was active before the one that is active now.
  returned: success
  type: str
  sample: 0.64.8
releases:
  description: The releases on the host, as RV(golden.fleet.release_info#module:releases) has them.
  returned: success
  type: list
  elements: dict
pruned:
  description: The versions that were removed.
  returned: success
  type: list
  elements: str
  sample: [0.63.2]
edited:
  description: What somebody had changed in a slot, below its folder. It is as it was released now.
  returned: success
  type: list
  elements: str
  sample: [index.php]
kind:
  description:
    - What kind of failure it was, one of V(bad_input), V(superseded), V(not_staged), V(fetch), V(checksum), V(archive),
      V(command), V(disk), V(locked), V(unreachable), on Windows also V(stuck) (what runs does not
      stop, and is still there) and V(reboot_pending).
  returned: failure
  type: str
  sample: checksum
unreachable_host:
  description: True where the host couldn't be reached, or didn't answer.
  returned: when the host couldn't be reached
  type: bool
  sample: true
"""
