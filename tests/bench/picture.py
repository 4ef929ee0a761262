# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture of stage_and_switch: a row for each size, in it what every side took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from demo.picture import INK, QUIET, STYLE
from tests.bench.sides import BYTES, FILES, SIDES

_OURS, _OTHERS = "#23568c", "#b6c2cd"
# Bars say their figures themselves.
_STYLE: Any = {
    **STYLE,
    "axes.grid": False,
    "axes.spines.bottom": False,
    "xtick.bottom": False,
    "xtick.labelbottom": False,
    "ytick.color": INK,
}
_PANELS = (
    ("rollout", "clock", "stage and switch, seconds"),
    ("rollback", "clock", "rollback, seconds"),
    ("rollout", "processor", "stage and switch, processor seconds\nof the controller for each host"),
)


def draw(medians: dict[int, dict[str, Any]], facts: dict[str, Any], *files: Path) -> None:
    """Draws the medians into each of ``files``, in the format that its suffix names."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(14, 1.7 + 1.8 * len(medians)), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.2, h_pad=0.1)  # type: ignore[union-attr,call-arg]
        grid = figure.subplots(len(medians), len(_PANELS), squeeze=False, sharey=True)
        for row, (size, steps) in zip(grid, medians.items(), strict=True):
            for axes, (step, unit, _) in zip(row, _PANELS, strict=True):
                _bars(axes, steps[step][unit])
            row[0].set_ylabel(f"{size} hosts", fontsize=13, fontweight="bold", color=INK)
        for axes, (_, _, title) in zip(grid[0], _PANELS, strict=True):
            axes.set_title(title, loc="left", fontsize=12, color=QUIET)
        figure.suptitle(
            f"{FILES} files of {BYTES // 1_000_000} MB together, controller and hosts on {facts['cpus']} processors",
            x=0.01, ha="left", fontsize=15, fontweight="bold",
        )  # fmt: skip
        for file in files:
            figure.savefig(file, dpi=130)


def _bars(axes: Axes, figures: dict[str, float]) -> None:
    names = [SIDES[side] for side in figures]
    drawn = axes.barh(names, list(figures.values()), color=[_OURS if side == "ours" else _OTHERS for side in figures])
    axes.bar_label(drawn, [f"{value:.3g}" for value in figures.values()], padding=5)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.margins(x=0.14)
