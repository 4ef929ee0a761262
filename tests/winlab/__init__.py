# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An emulated Windows host for Ansible's unmodified winrm and psrp connection plugins. See README.md."""

from .host import Drop, Hazards, Host, Said, Service
from .lab import Authority, Lab

__all__ = ["Authority", "Drop", "Hazards", "Host", "Lab", "Said", "Service"]
