# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compiles the suite and runs it by NUnit against one member; the results are those that NUnit itself writes."""

from __future__ import annotations

import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SUITE = pathlib.Path(__file__).resolve().parent / "Suite.cs"
FRAMEWORK = "/usr/lib/cli/nunit.framework-2*/nunit.framework.dll"  # where Debian has it


def main(results: pathlib.Path) -> int:
    found = sorted(glob.glob(FRAMEWORK))
    missing = [name for name in ("mcs", "nunit-console") if not shutil.which(name)]
    if missing or not found:
        what = ", ".join(missing) or FRAMEWORK
        print(f"{what} isn't there; Debian has it in mono-mcs, nunit-console and libnunit-cil-dev")
        return 1
    # The member speaks plain HTTP: Mono's store of certificates, which it would make in HOME, isn't needed.
    with tempfile.TemporaryDirectory() as scratch:
        compiled = pathlib.Path(scratch, "Orders.Tests.dll")
        compile_it = ["mcs", "-nologo", "-target:library", "-lib:" + os.path.dirname(found[-1])]
        compile_it += ["-r:nunit.framework.dll", f"-out:{compiled}", str(SUITE)]
        if subprocess.run(compile_it, check=False).returncode:  # noqa: S603  # constants and paths of ours
            return 1
        shutil.copy(found[-1], scratch)
        run_it = ["nunit-console", "-nologo", "-nodots", "-noshadow", "-nothread", "-domain=None"]
        run_it += [f"-xml={results / 'TestResult.xml'}", str(compiled)]
        return subprocess.run(run_it, cwd=scratch, check=False).returncode  # noqa: S603  # the same


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
