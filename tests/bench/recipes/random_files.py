# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fills RELEASE_OUT with files that don't compress: random_files.py FILES BYTES CHANGED. The first CHANGED of them are
of this version alone, the others the same in each."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

files, size, changed = map(int, sys.argv[1:])
for number in range(files):
    seed = f"{number} {os.environ['RELEASE_VERSION'] if number < changed else ''}"
    content = random.Random(seed).randbytes(size // files)  # noqa: S311  # the same bytes each time, not secret ones
    Path(os.environ["RELEASE_OUT"], f"{number:05}").write_bytes(content)
