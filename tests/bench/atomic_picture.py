# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture of many atomic rollouts: requests per second, the opcode cache's memory, and how often it was hit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from demo.picture import BAD, GOOD, INK, QUIET, STYLE
from tests.bench.carried import Carried

_ONE, _MANY = "#23568c", "#b3730f"


def draw(carried: Carried, report: Mapping[str, Any], *files: Path) -> None:
    """Draws into each of ``files``, in the format that its suffix names."""
    began = min((record.t for record in carried.records), default=0.0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(14, 10), layout="constrained")
        load, memory, hits = figure.subplots(3, 1, height_ratios=[2.4, 2.4, 3])
        _load(load, carried, began, report)
        _memory(memory, carried, began)
        _hits(hits, report)
        for file in files:
            figure.savefig(file, dpi=130)


def _load(axes: Axes, carried: Carried, began: float, report: Mapping[str, Any]) -> None:
    seen = report["customers"]
    text = (
        f"{report['rollouts']} atomic rollouts, {seen['requests']:,} requests: {seen['failed']} failed, "
        f"{seen['mixed']} of two releases, {seen['stale']} of a release that was no longer in use"
    )
    colour = BAD if seen["failed"] or seen["mixed"] or seen["stale"] else INK
    axes.set_title(text, loc="left", fontsize=14, fontweight="bold", color=colour)
    counted = Counter(int(record.answered_at - began) for record in carried.records if not record.failed)
    axes.plot(range(1, max(counted)), [counted[second] for second in range(1, max(counted))], color=_ONE, lw=1)
    failed = [record.t - began for record in carried.failed]
    axes.plot(failed, [0] * len(failed), ls="", marker="x", color=BAD)
    for rollout in carried.rollouts:
        axes.axvline(rollout.switches[0].at - began, color=GOOD, alpha=0.35, lw=0.8)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("answers per second;\nswitches in green")


def _memory(axes: Axes, carried: Carried, began: float) -> None:
    for samples in carried.samples.values():
        times = [sample.told - began for sample in samples]
        for name, colour in (("used", _ONE), ("wasted", BAD), ("strings", QUIET)):
            axes.plot(times, [getattr(sample, name) / 2**20 for sample in samples], color=colour, lw=1)
    for name, colour in (("used", _ONE), ("wasted", BAD), ("strings, of the used", QUIET)):
        axes.plot([], [], color=colour, label=name)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("MB of the opcode cache,\neach member")
    axes.set_xlabel("seconds since the load began")
    axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0)


def _hits(axes: Axes, report: Mapping[str, Any]) -> None:
    rows = [(number, row) for number, row in enumerate(report["hit_rates"], 1) if row["hit_rate"] is not None]
    for many, colour in ((False, _ONE), (True, _MANY)):
        for whole, marker in ((False, "o"), (True, "^")):
            chosen = [
                (number, row["hit_rate"] * 100)
                for number, row in rows
                if (row["changed"] > 1, row["gate_asks_for_all"]) == (many, whole)
            ]
            if chosen:
                label = f"{'202 files' if many else 'one file'} changed,\ngate asks for {'all' if whole else 'some'}"
                axes.plot(*zip(*chosen, strict=True), ls="", marker=marker, ms=5, color=colour, label=label)
    axes.axhline(99, color=BAD, lw=1.4, ls=(0, (5, 3)))
    axes.set_ylabel("% of files found in the cache in the\nsecond after the switch, worst member")
    axes.set_xlabel("rollout")
    axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0)
