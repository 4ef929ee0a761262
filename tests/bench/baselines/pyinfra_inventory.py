# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from tests.bench.baselines.commands import given

told = given()
reached = {
    "ssh_user": told["user"],
    "ssh_key": told["key"],
    "ssh_known_hosts_file": told["known_hosts"],
    "ssh_strict_host_key_checking": "yes",
    "ssh_allow_agent": False,
    "ssh_look_for_keys": False,
}
bench = [(address, reached) for address in told["addresses"]]
