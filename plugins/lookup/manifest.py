# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: manifest
short_description: What the artifact store says of a release
version_added: 0.1.0
description:
  - Reads the manifest of one release from the artifact store and checks it.
  - A release that the store does not hold is an error which lists those that it holds.
author:
  - The golden.fleet founders (@golden-fleet)
options:
  _terms:
    description: The service and the version, or the service alone for the list of its versions.
    required: true
  store:
    description: URL of the artifact store, C(http) or C(https).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where the artifact of a release is
  ansible.builtin.debug:
    msg: "{{ lookup('golden.fleet.manifest', 'datasette', '0.65.5', store=artifact_store_url).url }}"
"""

RETURN = r"""
_raw:
  description:
    - The manifest (C(service), C(version), C(artifact), C(sha256), C(size), C(built_at), C(inputs)) with the C(url) of
      the artifact added, and C(index) with the C(url), C(sha256) and C(size) of its index, if it
      has one; with the service alone, the versions by name.
  type: list
  elements: raw
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.golden.fleet.plugins.plugin_utils._store import StoreError, list_versions, read_manifest


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        store = self.get_option("store")
        try:
            if len(terms) == 1:
                return list_versions(store, terms[0])
            service, version = terms
            return [read_manifest(store, service, version)]
        except StoreError as error:
            raise AnsibleError(str(error)) from error
