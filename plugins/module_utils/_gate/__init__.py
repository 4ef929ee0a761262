# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The run of a gate's test command, and the files with its results: on the controller, or by an engine on the member.

Python's standard library only, from Python 3.9 on.
"""
