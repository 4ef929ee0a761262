# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import io
import json

import made_up

from demo.conclusion import conclude
from demo.report import Step
from demo.terminal import Terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_good_run_ends_well_and_plainly(tmp_path):
    out = io.StringIO()
    assert conclude(made_up.run(), [], tmp_path, Terminal(out)) == 0
    assert "    22,000  requests, 220 a second\n" in out.getvalue()
    assert "         5  members of datasette online at the least, of 6; the floor is 3\n" in out.getvalue()
    assert "Nothing lost" in out.getvalue()
    assert "\033" not in out.getvalue(), "no colours where nobody would see them"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.png", "picture.svg", "report.json"]


def test_a_bad_run_says_so_and_why(tmp_path):
    run = made_up.run(seconds=95)
    lost = dataclasses.replace(run.records[50], error="status 503", status=503)
    out = Tty()
    assert conclude(dataclasses.replace(run, records=[*run.records, lost]), [], tmp_path, Terminal(out)) == 1
    assert "FAILED\033[0m  1 requests failed: 1 x status 503" in out.getvalue()
    assert "Nothing lost" not in out.getvalue()


def test_a_demo_that_never_came_to_its_load_leaves_a_report_that_says_so(tmp_path):
    steps = [Step("Raise the lab", 1.0, 2.0, ok=False, detail="ended with 2; see lab.log")]
    assert conclude(None, steps, tmp_path, Terminal(io.StringIO())) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["requests_total"] == 0
    assert report["steps"] == [
        {"name": "Raise the lab", "seconds": 2.0, "ok": False, "detail": "ended with 2; see lab.log"}
    ]


def test_the_moving_line_moves_on_a_terminal_alone():
    pipe, tty = io.StringIO(), Tty()
    for out in (pipe, tty):
        terminal = Terminal(out)
        terminal.move("busy")
        terminal.line("done")
    assert pipe.getvalue() == "done\n"
    assert tty.getvalue() == "\033[2mbusy\033[0m\r\033[Kdone\n"
