# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture of a sliding window beside `serial`: how many members are online over time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from demo.picture import BAD, INK, QUIET, STYLE

if TYPE_CHECKING:
    from tests.bench.sliding_window import Watched

_LINES = {
    "some slow, as known": "#23568c",
    "some slow, for the first time": "#5b94cc",
    "by hand with serial": "#b3730f",
    "by hand, all slow ones in one batch": "#fbdca0",
    "nobody slow": QUIET,
}


def draw(seen: Mapping[str, Watched], report: Mapping[str, Any], *files: Path) -> None:
    """Draws into each of ``files``, in the format that its suffix names."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(14, 6), layout="constrained")
        axes = figure.subplots()
        for name, colour in _LINES.items():
            one = seen[name]
            within = [sample for sample in one.samples if 0 <= sample.t - one.began <= one.seconds]
            times, counts = [sample.t - one.began for sample in within], [sample.online for sample in within]
            axes.step(times, counts, where="post", color=colour, lw=1.8, label=f"{name}, {one.seconds:.0f} s")
            axes.axvline(one.seconds, color=colour, lw=1, ls=(0, (1, 2)))
        floor = report["floor_members"]
        axes.axhline(floor, color=BAD, lw=1.6, ls=(0, (5, 3)))
        axes.text(0, floor - 0.25, f"floor {floor}", color=BAD, va="top")
        axes.set_ylim(floor - 3, report["hosts"] + 1)
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds since the command began")
        axes.set_ylabel("members online")
        slow = f"{len(report['slow_members'])} of {report['hosts']} members slow by {report['slow']} s"
        axes.set_title(f"{slow}, window {report['window']}", loc="left", fontsize=16, fontweight="bold", color=INK)
        axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0)
        for file in files:
            figure.savefig(file, dpi=130)
