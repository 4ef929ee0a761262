# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture of a run: its steps, requests per second by version with what failed, and members online."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from demo.records import Record
from demo.report import Evidence, Step, wrong_versions
from demo.sampler import Sample

INK, QUIET, _RAIL = "#1f2933", "#7b8794", "#e4e7eb"
GOOD, BAD, _WRONG = "#3e7d5a", "#d64545", "#8e44ad"
# One family of colours for each service, from its oldest version to its newest.
_FAMILIES = (("#b6d0ea", "#5b94cc", "#23568c", "#12304f"), ("#fbdca0", "#eeaa3a", "#b3730f", "#6b4204"),
             ("#c6e3c9", "#74b77d", "#36783f", "#1b4021"), ("#e2cdee", "#b183cf", "#70408f", "#40214f"))  # fmt: skip
_BIN_SECONDS = 1.0
_CHARACTER = 0.0064  # a character of a step's text, as a share of the picture's width


def _natural(version: str) -> list[tuple[int, int | str]]:
    """Sorts 0.9 before 0.65."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", version) if part]


def versions_of(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Every (service, version) that answered, services by name and their versions from old to new."""
    seen = {(r.service, r.version) for r in records if r.version is not None and not r.failed}
    return sorted(seen, key=lambda pair: (pair[0], _natural(pair[1])))


def per_second(records: Iterable[Record], began: float, bins: int) -> dict[tuple[str, str], list[float]]:
    """Answers per second by (service, version) in each bin from ``began`` on."""
    good = [r for r in records if r.version is not None and not r.failed]
    counted = Counter((r.service, str(r.version), int((r.t - began) / _BIN_SECONDS)) for r in good)
    keys = {(service, version) for service, version, _ in counted}
    return {(s, v): [counted[s, v, index] / _BIN_SECONDS for index in range(bins)] for s, v in keys}


def online_line(samples: Sequence[Sample], service: str, began: float) -> tuple[list[float], list[int]]:
    """The members online of ``service`` over time: at each sample the fewest that any balancer last held online."""
    last: dict[str, int] = {}
    times, counts = [], []
    for sample in samples:
        if sample.service == service:
            last[sample.balancer] = sample.online
            times.append(sample.t - began)
            counts.append(min(last.values()))
    return times, counts


@dataclass(frozen=True)
class Bar:
    """Where a step stands in the strip: its bar, its text (inside when it fits, else beside it), and its lane."""

    step: Step
    left: float
    right: float
    text_at: float
    align: str
    lane: int


def bars(steps: Sequence[Step], began: float, seconds: float) -> list[Bar]:
    """The steps side by side; those that run at one time, or whose texts would touch, below each other."""
    free: list[float] = []
    laid = []
    for step in sorted(steps, key=lambda step: step.began):
        left, right = max(step.began - began, 0), min(step.began - began + step.seconds, seconds)
        text = seconds * _CHARACTER * (len(step.label or step.name) + 2)
        if text < right - left:
            text_at, align, begin, end = (left + right) / 2, "center", left, right
        elif right + text < seconds:
            text_at, align, begin, end = right + seconds * _CHARACTER, "left", left, right + text
        else:
            text_at, align, begin, end = left - seconds * _CHARACTER, "right", left - text, right
        lane = next((index for index, until in enumerate(free) if until <= begin + 0.5), len(free))
        free[lane:lane + 1] = [end]  # fmt: skip
        laid.append(Bar(step, left, right, text_at, align, lane))
    return laid


def draw(evidence: Evidence, report: Mapping[str, Any], *files: Path) -> None:
    """Draws the run into each of ``files``, in the format that its suffix names."""
    began = min((record.t for record in evidence.records), default=0.0)
    seconds = max((record.t for record in evidence.records), default=1.0) - began
    steps = [step for step in evidence.steps if step.began + step.seconds > began]
    laid = bars(steps, began, seconds)
    rows = max((bar.lane for bar in laid), default=0) + 1
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(14, 8.2 + 0.3 * rows), layout="constrained")
        figure.get_layout_engine().set(h_pad=0.06, w_pad=0.12, hspace=0.03)  # type: ignore[union-attr,call-arg]
        strip, load, online = figure.subplots(3, 1, sharex=True, height_ratios=[0.36 * rows, 3.6, 2.4])
        _title(strip, report)
        _strip(strip, laid, rows)
        _load(load, evidence, began, seconds)
        _online(online, evidence, began, seconds)
        for axes in (load, online):
            for edge in {edge for bar in laid for edge in (bar.left, bar.right)}:
                axes.axvline(edge, color=INK, alpha=0.28, lw=0.9, ls=(0, (1, 2)))
        online.set_xlim(0, max(seconds, 1.0))
        online.set_xlabel("seconds since the load began")
        for file in files:
            figure.savefig(file, dpi=130)


STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 11, "text.color": INK, "axes.labelcolor": QUIET,
    "axes.edgecolor": _RAIL, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": _RAIL, "grid.linewidth": 0.8, "xtick.color": QUIET, "ytick.color": QUIET,
    "xtick.major.size": 0, "ytick.major.size": 0, "legend.frameon": False,
    "svg.hashsalt": "golden.fleet",
}  # fmt: skip


def _title(axes: Axes, report: Mapping[str, Any]) -> None:
    failed, wrong = report["requests_failed"], report["requests_wrong_version"]
    text = (
        f"{report['requests_total']:,} requests, {failed} failed, {wrong} answered by a version that was not admitted"
    )
    colour = BAD if failed or wrong else INK
    axes.set_title(text, loc="left", pad=38, fontsize=17, fontweight="bold", color=colour)
    axes.annotate(_subtitle(report), (0, 1), xytext=(0, 16), xycoords="axes fraction", textcoords="offset points",
                  color=QUIET, fontsize=11.5)  # fmt: skip


def _subtitle(report: Mapping[str, Any]) -> str:
    """The rate, the latency and the floors; services with equal figures are said once."""
    same: dict[str, list[str]] = {}
    for name, seen in report["services"].items():
        least = f"at least {seen['online_members_min']} of {seen['members']} online, floor {seen['floor']}"
        same.setdefault(least, []).append(name)
    latency = report["latency_ms"]
    parts = [f"{report['requests_per_second']:g} requests/s", f"p50 {latency['p50']:g} ms, p99 {latency['p99']:g} ms"]
    parts += [f"{' and '.join(names)}: {least}" for least, names in same.items()]
    return "  ·  ".join(parts)


def _strip(axes: Axes, laid: Sequence[Bar], rows: int) -> None:
    for bar in laid:
        colour = GOOD if bar.step.ok else BAD
        shape: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.16", "fc": colour, "ec": "none"}
        axes.add_patch(FancyBboxPatch((bar.left, bar.lane + 0.12), bar.right - bar.left, 0.76, **shape))
        axes.annotate(bar.step.label or bar.step.name, (bar.text_at, bar.lane + 0.52), ha=bar.align, va="center",
                      color="white" if bar.align == "center" else colour, fontsize=10)  # fmt: skip
    axes.set_ylim(rows, 0)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(labelbottom=False)


def _colours(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    services = list(dict.fromkeys(service for service, _ in pairs))
    chosen = {}
    for number, service in enumerate(services):
        family = _FAMILIES[number % len(_FAMILIES)]
        own = [pair for pair in pairs if pair[0] == service]
        chosen.update({pair: family[min(index, len(family) - 1)] for index, pair in enumerate(own)})
    return chosen


def _load(axes: Axes, evidence: Evidence, began: float, seconds: float) -> None:
    # A last bin that the load did not fill would look like a drop.
    bins = max(int(seconds / _BIN_SECONDS), 1)
    pairs = versions_of(evidence.records)
    rates = per_second(evidence.records, began, bins)
    colours = _colours(pairs)
    edges = [index * _BIN_SECONDS for index in range(bins + 1)]
    layers = [[*rates[pair], rates[pair][-1]] for pair in pairs]
    if layers:
        axes.stackplot(edges, *layers, step="post", colors=[colours[pair] for pair in pairs],
                       labels=[f"{service} {version}" for service, version in pairs], lw=0)  # fmt: skip
    top = max((sum(column) for column in zip(*layers, strict=True)), default=1.0)
    axes.set_ylim(0, top * 1.16)
    _marks(axes, [r for r in evidence.records if r.failed], began, top * 1.09, BAD, "failed")
    _marks(axes, wrong_versions(evidence.records, evidence.admissions), began, top * 1.05, _WRONG, "not admitted")
    axes.set_ylabel("requests per second, by version")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0)


def _marks(axes: Axes, records: Sequence[Record], began: float, height: float, colour: str, label: str) -> None:
    if records:
        times = [record.t - began for record in records]
        axes.plot(times, [height] * len(times), ls="", marker="x", ms=7, mew=1.8, color=colour,
                  label=f"{len(records)} {label}")  # fmt: skip


def _online(axes: Axes, evidence: Evidence, began: float, seconds: float) -> None:
    colours = _colours([(name, version) for name in sorted(evidence.services) for version in "abc"])
    floors: dict[int, list[str]] = {}
    for number, (name, service) in enumerate(evidence.services.items()):
        times, counts = online_line(evidence.samples, name, began)
        shift = 0.09 * number  # lines of equal counts would hide each other
        axes.step(times, [count + shift for count in counts], where="post", color=colours[name, "c"], lw=2, label=name)
        floors.setdefault(service.floor, []).append(name)
    for floor in floors:
        axes.axhline(floor, color=BAD, lw=1.6, ls=(0, (5, 3)))
        axes.text(seconds * 0.006, floor - 0.13, f"floor {floor}", color=BAD, va="top", fontsize=10.5)
        axes.axhspan(0, floor, color=BAD, alpha=0.045, lw=0)
    most = max((sample.online for sample in evidence.samples), default=1)
    axes.set_ylim(0, most * 1.1)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("members online\n(the fewest at any balancer)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0)
