# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: gate
short_description: Check that a member may be admitted to the online pool
version_added: 0.1.0
author: The golden.fleet founders
description:
  - Asks the member for its health through the maintenance port of every balancer, until it answers with the right
    status, the right version and the member's name, or its time is over.
  - Then runs each test command of the contract, on the controller or, with C(runs_on=member), on the member, and reads
    the results in the form of JUnit, NUnit 2, NUnit 3 or TRX. A failed test, a status that isn't 0, results that are
    missing or unreadable, and results in which no test ran refuse the member. Then health is asked once more.
  - Fails at the first gate that isn't passed, with the tests that failed.
  - Only a test command that runs on the member needs a connection to it.
options:
  contract:
    description: The contract of the service, from P(golden.fleet.contract#lookup).
    type: dict
    required: true
  member:
    description: The inventory name of the member; by default the host that the task runs for.
    type: str
  version:
    description: The version that has to answer.
    type: str
    required: true
  balancers:
    description:
      - The inventory names of the balancers through which the member is asked, all of them. Tests use the first
        through which it answers.
      - Either this or O(urls) is required.
    type: list
    elements: str
  urls:
    description:
      - Where to ask the member without a balancer in between, such as V(http://localhost:8001). The answer then
        needs no C(X-Fleet-Member) header.
    type: list
    elements: str
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - Says what would be asked and run; asks and runs nothing, and RV(passed) is null.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: N/A
    details:
      - Changes nothing.
notes:
  - On a Linux member, a command and its results cost one round trip. On a Windows member, stock modules of
    ansible.windows run one after another, and the task has to be one for that member. Results are at most 1000 files
    of 32 MiB together.
  - At its time limit a command is ended with all that it started, on a Windows member by C(taskkill). A command there
    runs on where the controller ends.
  - Commands on the controller get little of its environment, C(PATH), C(HOME), C(USER), C(LOGNAME), C(TMPDIR) and
    C(TZ), so that no secret of the controller reaches a test, and they end with the controller.
  - Needs the Python libraries C(junitparser) and C(defusedxml) on the controller.
seealso:
  - plugin: golden.fleet.contract
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Prove the member in the maintenance pool
  golden.fleet.gate:
    contract: "{{ lookup('golden.fleet.contract', 'datasette') }}"
    version: 0.65.5
    balancers: "{{ groups['balancers'] }}"

- name: Prove the service on the development host
  golden.fleet.gate:
    contract: "{{ lookup('golden.fleet.contract', 'datasette') }}"
    version: 0.65.5
    urls:
      - http://dev1.example.com:8001
"""

RETURN = r"""
kind:
  description:
    - What failed. V(gate) is a verdict on the member and its release. V(unreachable) is none, as the member couldn't be
      reached for a test command that runs there; RV(passed) is then missing.
  returned: on failure
  type: str
  sample: gate
unreachable_host:
  description: V(true) where RV(kind) is V(unreachable).
  returned: where it is so
  type: bool
  sample: true
passed:
  description: Whether every gate was passed. Null in check mode.
  returned: unless the member can't be reached for a test command that runs there
  type: bool
  sample: true
msg:
  description: All in short; of a failure also the first ten tests that failed.
  returned: always
  type: str
  sample: web3 passed health (0.4 s), suite (7 tests, 1.2 s), health afterwards (0.01 s)
gates:
  description: The gates in the order in which they ran, up to the first that wasn't passed.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The gate's name in the contract, or C(health), or C(health afterwards).
      type: str
    passed:
      description: Whether it was passed.
      type: bool
    seconds:
      description: How long it took.
      type: float
    tests:
      description: How many tests ran.
      type: int
    failures:
      description: The tests that failed, each with its C(name) and its C(message).
      type: list
      elements: dict
    detail:
      description: What was seen, in words.
      type: str
  sample:
    - name: suite
      passed: true
      seconds: 1.2
      tests: 7
      failures: []
      detail: 7 tests ran, 0 failed, 0 were skipped
"""
