# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The demo and what it measures with: an open-loop load, a sampler at the balancers, the report and its picture.

Nothing here imports Ansible, and nothing asks a playbook how it went: what customers got comes from the load, how many
members were online comes from the balancers.
"""
