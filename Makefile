# The entry for a person and for CI; each target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
BIN := .venv/bin
PLAY := $(BIN)/ansible-playbook
LAB := -i inventories/lab
# Many tests wait, for a boot above all, and those that take longest are beside each other.
WORKERS := --numprocesses $(shell echo $$((2 * $$(nproc)))) --dist worksteal

.PHONY: help setup setup-lab lab lab-down artifacts demo test lint unit integration molecule aside bench newest lock

help:  ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup:
	@tools/setup

setup-lab:
	@tools/setup --lab

lab: setup-lab  ## Raise the lab on this machine
	$(PLAY) playbooks/lab.yml $(LAB)

lab-down: setup  ## Remove the lab
	$(PLAY) playbooks/lab_down.yml $(LAB)

artifacts: setup-lab  ## Build the example services' artifacts and put them in the store
	$(PLAY) playbooks/artifacts.yml $(LAB)

demo: setup-lab  ## The main job under load, in the lab; HOSTS=350 grows to so many; ends with build/demo/report.json
	$(BIN)/python -m demo $(if $(HOSTS),--hosts $(HOSTS))

test: setup-lab  ## All checks and tests, the quick ones first
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint unit
	@$(MAKE) --no-print-directory lab  # with the base of all labs' hosts, which only one can make at a time
	@$(MAKE) --no-print-directory --jobs 2 integration aside

lint: setup  ## Linters of YAML, roles, Python, documentation, changelog
	@tools/lint

unit: setup  ## Unit tests, some against a real HAProxy process, some against an emulated Windows host
	$(BIN)/python -m pytest $(WORKERS)

newest: setup  ## Lint and unit tests on the newest ansible-core, where a newer Python is here
	@tools/newest

integration: setup-lab  ## The main job's promises and the faults, in the lab
	$(BIN)/python -m pytest tests/integration --override-ini=testpaths= --durations=12

molecule: setup-lab  ## The molecule scenarios
	PATH="$(CURDIR)/$(BIN):$$PATH" MOLECULE_EPHEMERAL_DIRECTORY=$(CURDIR)/build/molecule/state molecule test --all

# What leaves the integration tests a processor, and takes less than they do; it says at the end, in one piece, how it went.
aside: setup-lab
	@mkdir -p build
	@$(MAKE) --no-print-directory --keep-going molecule newest >build/aside.log 2>&1 && failed=0 || failed=1; cat build/aside.log; exit $$failed

BENCHES = stage_and_switch switch_at_once sliding_window image_rollback scale windows bake atomic_rollouts many_files artifact_fan_out artifact_delta

bench: setup-lab  ## Speed beside what others use, and beside limits, of all that docs/performance.md tells of
	@failed=0; for bench in $(BENCHES); do $(BIN)/python -m tests.bench.$$bench || failed=1; done; exit $$failed

lock: setup  ## Pin the tools anew, with hashes
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --group dev --group bench --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header -o requirements.txt
