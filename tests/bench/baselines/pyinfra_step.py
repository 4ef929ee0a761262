# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One step on every host by pyinfra."""

from pyinfra.operations import server

from tests.bench.baselines import commands

told = commands.given()
server.shell(commands=getattr(commands, told["step"])("/srv/pyinfra", told), _sudo=True)
