#!/usr/bin/python
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: artifact
short_description: Builds the artifact of a release on the controller
version_added: 0.1.0
author:
  - The golden.fleet founders (@golden-fleet)
description:
  - Runs the recipe of a service, C(artifact.build) of its contract, in the service's folder, with C(RELEASE_SERVICE),
    C(RELEASE_VERSION) and C(RELEASE_OUT) in its environment. What the recipe puts into the empty folder
    C(RELEASE_OUT) becomes a C(tar.gz) or C(zip), as C(artifact.format) says, beside a C(manifest.json) with its sha256.
  - Beside a C(tar.gz) comes an index of the pieces that it is compressed in, so that hosts fetch only those they lack.
  - The same recipe gives the same bytes. An artifact whose recipe did not change is not built again. The recipe is the
    command and the folder C(artifact/) of the service, or the whole folder of the service where there is none.
  - It runs on the controller, and needs no connection.
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what it would build.
    support: full
  diff_mode:
    description: Shows the manifest before and after.
    support: full
options:
  contract:
    description: The contract of the service, as the lookup P(golden.fleet.contract#lookup) gives it.
    type: dict
    required: true
  version:
    description: The version to build.
    type: str
    required: true
  folder:
    description: The folder of all artifacts on the controller; a release's are in C(<service>/<version>/) below it.
    type: path
    default: build/artifacts
"""

EXAMPLES = r"""
- name: Build the artifact of a release
  golden.fleet.artifact:
    contract: "{{ lookup('golden.fleet.contract', 'datasette') }}"
    version: 0.65.5
"""

RETURN = r"""
folder:
  description: The folder on the controller that holds the artifact and its manifest.
  returned: success
  type: str
  sample: /srv/control/build/artifacts/datasette/0.65.5
manifest:
  description: What is known of the artifact. Empty in check mode where it has yet to be built.
  returned: success
  type: dict
  sample:
    service: datasette
    version: 0.65.5
    artifact: datasette-0.65.5.tar.gz
    sha256: 9f2c0d8a2f0e5b1f6f1f5d3d3c8f8d8e5a8a2b6f3c1d9e7f4b2a6c8d0e1f3a5b
    size: 2478312
    unpacked_bytes: 9182733
    files: 1021
    index:
      file: datasette-0.65.5.tar.gz.index.gz
      size: 39120
      sha256: 1f2c0d8a2f0e5b1f6f1f5d3d3c8f8d8e5a8a2b6f3c1d9e7f4b2a6c8d0e1f3a5b
    built_at: "2026-11-21T08:20:00+00:00"
    inputs: {recipe: 0b5c0d8a2f0e5b1f6f1f5d3d3c8f8d8e5a8a2b6f3c1d9e7f4b2a6c8d0e1f3a5b}
"""
