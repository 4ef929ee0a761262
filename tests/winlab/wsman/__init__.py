# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""WS-Management as far as Ansible's connection plugins speak it; knows nothing of what a command does."""

from .execution import Answer, Command, Machine
from .server import WsmanServer

__all__ = ["Answer", "Command", "Machine", "WsmanServer"]
