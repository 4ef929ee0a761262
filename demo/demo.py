# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The driver of ``make demo``: a real release through two pools and back, in the lab, under a load that counts."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from demo import report as reports
from demo.conclusion import LEAST_REQUESTS, conclude
from demo.lab import CHECKOUT, Lab, LabError, Service
from demo.load import Load
from demo.observer import Observer
from demo.play import Play, Running, playbook
from demo.prepared import code, serves
from demo.records import Config, LoadError
from demo.report import Evidence, Step
from demo.sampler import Sampler
from demo.terminal import Terminal

STEP_LIMIT_SECONDS = 900
MAIN, OTHER, HYBRID = "datasette", "swagger_ui", "orders"
# A request to the Python application costs its members many times what a static file costs.
WEIGHTS = {MAIN: 1, OTHER: 4, HYBRID: 2}
_OURS = (".log", ".json", ".jsonl", ".png", ".svg")  # what a run writes, and the next one removes


Preparation = Callable[[dict[str, Service], Observer], None]


class DemoError(Exception):
    """The demo can't go on."""


class Demo:
    """The story, step by step."""

    def __init__(self, inventory: Path, folder: Path, rate: float, hosts: int, terminal: Terminal) -> None:
        self.inventory = inventory
        self.hosts = hosts
        self.folder = folder
        self.rate = rate
        self.terminal = terminal
        self.steps: list[Step] = []
        self._prepared = folder / "prepared"
        self.evidence: Evidence | None = None

    def run(self) -> None:
        """Everything up to the report; DemoError where a step that the others stand on fails."""
        if self._is_prepared():
            self.terminal.line("  The hosts are as the last demo left them, and serve.")
        else:
            self._raise_the_lab()
            self._prepare(self._environment()[1])
        lab, services = self._environment()
        # Customers of a fleet that serves already need not wait for the first versions.
        served = serves(lab, services)
        if not served:
            self._first_versions(services)
        self._under_load(lab, services, self._first_versions if served else None)

    def forget(self) -> None:
        """Has the next demo prepare the hosts anew."""
        self._prepared.unlink(missing_ok=True)

    def _environment(self) -> tuple[Lab, dict[str, Service]]:
        lab = Lab.read(self.inventory)
        services = {name: lab.services[name] for name in _wanted(lab) if name in lab.services}
        if not {MAIN, OTHER} <= services.keys():
            raise DemoError(f"{self.inventory}: needs the groups {MAIN} and {OTHER} and their contracts")
        if self.hosts < len(services[OTHER].members):
            raise DemoError(f"{OTHER} can't grow to {self.hosts} hosts: it has {len(services[OTHER].members)} already")
        return lab, services

    def _is_prepared(self) -> bool:
        """Whether an earlier demo prepared the hosts for the code that is here now, and they still serve."""
        if not self._prepared.exists() or self._prepared.read_text(encoding="utf-8") != code():
            return False
        lab = Lab.read(self.inventory)
        return set(_wanted(lab)) <= lab.services.keys() and serves(lab, _wanted(lab))

    # The parts of the story

    def _raise_the_lab(self) -> None:
        self._must(self._play("Raise the lab", "lab", [playbook("lab", self.inventory)]))

    def _prepare(self, services: dict[str, Service]) -> None:
        self.forget()
        prepared_for = code()
        artifacts = [playbook("artifacts", self.inventory)]
        artifacts += [
            playbook("artifacts", self.inventory, service=name, version=_broken(services[name]))
            for name in (MAIN, HYBRID)
            if name in services
        ]
        self._must(self._play("Build the artifacts", "artifacts", artifacts))
        self._must(self._play("Provision the hosts", "provision", [playbook("provision", self.inventory)]))
        self._prepared.write_text(prepared_for, encoding="utf-8")

    def _first_versions(self, services: dict[str, Service], observer: Observer | None = None) -> None:
        plays = [self._rollout(service, service.versions[0], "first") for service in services.values()]
        self._must(*plays, observer=observer)

    def _under_load(self, lab: Lab, services: dict[str, Service], first: Preparation | None) -> None:
        config = Config(
            balancers={host.name: f"http://{host.address}" for host in lab.balancers},
            targets=tuple(service.target(WEIGHTS[name]) for name, service in services.items()),
            rate=self.rate,
            seconds=STEP_LIMIT_SECONDS * 4,
        )
        load = Load(config, self.folder)
        with Sampler(lab.balancers, list(services), seconds=config.seconds) as sampler, load:
            try:
                sampler.wait(20)
                observer = Observer(load, sampler)
                if first:
                    first(services, observer)
                self._change(services, observer)
                self._grow(services[OTHER], observer)
                self._fill_up(load, observer)
            except DemoError:
                # What was measured until then still says something; that it can't be had would not be the news.
                with contextlib.suppress(LabError, LoadError):
                    self.evidence = self._collect(lab, services, load, sampler)
                raise
            self.evidence = self._collect(lab, services, load, sampler)

    def _change(self, services: dict[str, Service], observer: Observer) -> None:
        main, other = services[MAIN], services[OTHER]
        turned = [main, *(services[name] for name in services if name == HYBRID)]
        for service in services.values():
            if wrong := observer.wait_for(service, service.versions[0]):
                raise DemoError(f"before the load's first step {service.name} is not ready: {wrong}")

        def serves(service: Service, version: str) -> Callable[[Running], str]:
            return lambda _: observer.wait_for(service, version)

        def turned_back(service: Service) -> Callable[[Running], str]:
            def check(running: Running) -> str:
                tried = observer.was_out(service.name, running.began)
                newest = service.versions[-1]
                return observer.wait_for(service, newest) if tried else "it was refused before any member was tried"

            return check

        self._together(
            [self._rollout(service, service.versions[-1], "second") for service in (main, other)],
            observer,
            [serves(service, service.versions[-1]) for service in (main, other)],
        )
        for service in turned[1:]:
            hybrid = self._rollout(service, service.versions[-1], "second")
            hybrid = replace(hybrid, name=f"{hybrid.name}, over {self._platforms(service)}")
            self._together([hybrid], observer, [serves(service, service.versions[-1])])
        self._together([self._bad(service) for service in turned], observer, [turned_back(each) for each in turned])
        self._together(
            [self._back(each) for each in turned], observer, [serves(one, one.versions[0]) for one in turned]
        )

    def _bad(self, service: Service) -> Play:
        bad = self._rollout(service, _broken(service), "broken")
        return replace(bad, name=f"{bad.name}, which fails its gate", label=f"{bad.label}, turns back", fails=True)

    def _back(self, service: Service) -> Play:
        back = self._play(
            f"Roll {service.name} back",
            "rollback" if service.name == MAIN else f"rollback-{service.name}",
            [playbook("rollback", self.inventory, service=service.name)],
        )
        return replace(back, label=f"{service.name} back to {service.versions[0]}")

    def _platforms(self, service: Service) -> str:
        """How many of the service's members are what."""
        windows = {host.name for host in Lab.read(self.inventory).group("windows")}.intersection(service.members)
        return f"{len(service.members) - len(windows)} Linux and {len(windows)} Windows members"

    def _grow(self, service: Service, observer: Observer) -> None:
        """From an image of what the service runs to as many hosts as were asked for, and back."""
        version, members = service.versions[-1], len(service.members)

        def serve(count: int) -> Callable[[Running], str]:
            return lambda _: observer.wait_for(service, version, count)

        bake = [playbook("bake", self.inventory, service=service.name)]
        self._must(self._play(f"Bake an image of {service.name}", "bake", bake), observer=observer)
        for verb, log, count in (("Grow", "grow", self.hosts), ("Shrink", "shrink", members)):
            scale = [playbook("scale", self.inventory, service=service.name, count=str(count))]
            play = self._play(f"{verb} {service.name} to {count} hosts", log, scale)
            self._together([replace(play, label=f"{service.name} to {count} hosts")], observer, [serve(count)])

    def _fill_up(self, load: Load, observer: Observer) -> None:
        """Keeps the load up until enough requests were made, and for a moment after the last step."""
        until = time.time() + 3
        while (len(load.records()) < LEAST_REQUESTS * 1.02 or time.time() < until) and load.running:
            self.terminal.move(f"  keeping the load up   {observer.now()}")
            time.sleep(0.5)
        if not load.running:
            raise DemoError(f"the load ended before the steps did; see {os.path.relpath(load.records_file)}")

    # One step

    def _play(self, name: str, log: str, commands: Sequence[Sequence[str]]) -> Play:
        return Play(name, name, self.folder / f"{log}.log", commands)

    def _rollout(self, service: Service, version: str, log: str) -> Play:
        command = playbook("rollout", self.inventory, service=service.name, version=version)
        play = self._play(f"Roll out {service.name} {version}", f"rollout-{service.name}-{log}", [command])
        return replace(play, label=f"{service.name} to {version}")

    def _must(self, *plays: Play, observer: Observer | None = None) -> None:
        self._together(plays, observer)
        if failed := [step.name for step in self.steps[-len(plays) :] if not step.ok]:
            raise DemoError(f"everything else stands on this: {', '.join(failed)}")

    def _together(
        self, plays: Sequence[Play], observer: Observer | None = None, checks: Sequence[Callable[[Running], str]] = ()
    ) -> None:
        """Runs plays at the same time; afterwards its check says for each what is wrong with the fleet."""
        with contextlib.ExitStack() as stack:
            all_of_them = [stack.enter_context(Running(play)) for play in plays]
            while under_way := [one for one in all_of_them if one.poll()]:
                if any(one.seconds > STEP_LIMIT_SECONDS for one in under_way):
                    break
                doing = " | ".join(f"{one.play.name}: {one.task() or 'starting'}" for one in under_way)
                seen = f"{observer.now()}   " if observer else ""
                self.terminal.move(f"  {max(one.seconds for one in under_way):5.0f} s  {seen}{doing}")
                time.sleep(0.25)
        for running, check in itertools.zip_longest(all_of_them, checks):
            self._ended(running, check)

    def _ended(self, running: Running, check: Callable[[Running], str] | None) -> None:
        play, seconds = running.play, running.seconds
        detail = check(running) if running.ok and check else ""
        if not running.ok:
            ended = f"ended with {running.status}" if running.ended_by_itself else "still ran at its limit"
            detail = f"{ended}{', but had to fail' if play.fails else ''}; see {os.path.relpath(play.log)}"
        ok = running.ok and not detail
        self.steps.append(Step(play.name, running.began, seconds, ok, detail, play.label))
        self.terminal.step(play.name, seconds, ok, detail)
        for line in [] if running.ok else running.tail():
            self.terminal.line(self.terminal.paint(f"          | {line[:200]}", "quiet"))

    # What was measured

    def _collect(self, lab: Lab, services: dict[str, Service], load: Load, sampler: Sampler) -> Evidence:
        figures, samples = load.stop(), sampler.stop()
        folder = lab.variable("fleet_state_dir", "/var/lib/golden-fleet")
        admissions = reports.fetch_admissions(lab.balancers, services, folder, sampler.clock_offsets)
        facts = {
            "times_a_balancer_could_not_be_asked": len(sampler.gaps),
            "clock_ahead_seconds": {name: round(ahead, 4) for name, ahead in sampler.clock_offsets.items()},
        }
        return Evidence(services, load.records(), admissions, samples, self.steps, figures.facts, facts)


def _wanted(lab: Lab) -> list[str]:
    """The demo's services; the one for both platforms where the lab has hosts of both."""
    return [MAIN, OTHER, *([HYBRID] if lab.group("windows") else [])]


def _broken(service: Service) -> str:
    """The newest version as its recipe can also build it: it starts, answers, and fails its test suite."""
    return f"{service.versions[-1]}+broken"


def _interrupted(number: int, _: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--inventory", type=Path, default=CHECKOUT / "inventories/lab")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "build/demo", help="gets logs, report and picture")
    parser.add_argument("--rate", type=float, default=350.0, help="requests per second")
    parser.add_argument("--hosts", type=int, default=9, help="hosts that the second service grows to")
    given = parser.parse_args(arguments)
    terminal = Terminal()
    signal.signal(signal.SIGTERM, _interrupted)
    given.out.mkdir(parents=True, exist_ok=True)
    for left_over in (path for path in given.out.iterdir() if path.suffix in _OURS):
        left_over.unlink()
    demo = Demo(given.inventory, given.out, given.rate, given.hosts, terminal)
    terminal.line(terminal.paint("golden.fleet: a release through two pools, and back, under load", "strong"))
    terminal.line(terminal.paint(f"each step has its log in {os.path.relpath(given.out)}\n", "quiet"))
    try:
        demo.run()
    except (DemoError, LabError, LoadError) as error:
        demo.forget()
        terminal.line(f"\n  {terminal.paint('FAILED', 'bad')}  {error}")
        conclude(demo.evidence, demo.steps, given.out, terminal)
        return 1
    except KeyboardInterrupt:
        terminal.line("\n  Interrupted; the lab stays as it is, the same command goes on from there.")
        return 130
    status = conclude(demo.evidence, demo.steps, given.out, terminal)
    if status:
        demo.forget()
    return status
