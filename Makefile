# Works with GNU make 3.81 (macOS) and newer.  Every target sets up what it needs.
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
REPORTS := .cache/reports
ENGINE := $(PY) .ci/engine.py
IMAGE := $(PY) -m csvanalyst_ext.execution.docker_image
PYTEST := $(PY) -m pytest

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup engine engine-stop image first-run-check test before-docker with-docker \
	lint types layers unit agent security sandbox parity faults notebooks browser fuzz soak large bench bench-agent \
	plan-schema eval e2e-model clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## virtual environment in .venv with the package and its development tools

$(READY): pyproject.toml .ci/setup .ci/constraints.txt
	@.ci/setup $(VENV)
	@touch $@

engine: $(READY) ## start a Docker engine if none answers, and leave it running
	@$(ENGINE) start

engine-stop: $(READY) ## stop the Docker engine, if `make engine` started it
	@$(ENGINE) stop

image: $(READY) ## build the sandbox image, unless it is there
	@$(ENGINE) run -- $(IMAGE) build

first-run-check: $(READY) ## prove the main job in a real kernel and a real sandbox, from nothing
	@$(ENGINE) run -- sh -c '$(IMAGE) build && $(PY) tests/first_run_check.py'

test: $(READY) ## everything, in gate order; stops at the first gate that fails
	@rm -rf $(REPORTS)
	@status=0; \
	{ $(MAKE) --no-print-directory before-docker && \
	  $(ENGINE) run -- $(MAKE) --no-print-directory with-docker; } || status=$$?; \
	$(PY) .ci/summary.py $(REPORTS) $$status; \
	exit $$status

before-docker: lint types layers unit agent
with-docker: image security sandbox faults parity notebooks browser

lint: $(READY) ## ruff: style, likely errors, formatting
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(READY) ## mypy, strict
	@$(PY) -m mypy

layers: $(READY) ## import-linter: which package may import which
	@$(VENV)/bin/lint-imports

unit: $(READY) ## fast tests without Docker
	@$(PYTEST) tests/unit --junitxml=$(REPORTS)/unit.xml

security: image ## every attack of the list, with each sandbox provider; ends with a table, case by provider
	@$(ENGINE) run -- $(PYTEST) tests/security --junitxml=$(REPORTS)/security.xml

fuzz: $(READY) ## 100,000 cases of a runner that lies in every way; writes docs/evidence/fuzz.json
	@$(PY) -m tests.fuzz --json docs/evidence/fuzz.json

agent: $(READY) ## the agent loop against a scripted model over HTTP, without Docker
	@$(PYTEST) tests/agent --junitxml=$(REPORTS)/agent.xml

sandbox: image ## tests in real sandboxes
	@$(ENGINE) run -- $(PYTEST) tests/sandbox --junitxml=$(REPORTS)/sandbox.xml

parity: image ## one suite against every sandbox provider that can run here: Docker with runc, Docker with gVisor
	@$(ENGINE) run -- $(PYTEST) tests/parity --junitxml=$(REPORTS)/parity.xml

faults: image ## everything that can go wrong with engine, container, host, disk and data; ends with a table
	@$(ENGINE) run -- $(PYTEST) tests/faults --junitxml=$(REPORTS)/faults.xml

soak: image ## 10,000 mixed questions, good and hostile: nothing leaks; writes docs/evidence/soak.json
	@$(ENGINE) run -- $(PY) -m tests.soak

notebooks: image ## run the demo notebooks and compare their outputs
	@$(ENGINE) run -- $(PYTEST) --nbval notebooks --junitxml=$(REPORTS)/notebooks.xml

browser: $(READY) ## hostile outputs in a real browser and a real JupyterLab, which must load and run nothing
	@$(PY) .ci/browser.py
	@$(PYTEST) tests/browser --junitxml=$(REPORTS)/browser.xml

large: image ## a CSV of 5 GB in 2 GB of memory, queries over 100 million rows; writes docs/evidence/large.json
	@$(ENGINE) run -- $(PY) -m tests.large

bench: image ## speed and memory, side by side with others, and their aims; writes docs/evidence/bench.json (FULL=1: 1 GB)
	@$(PY) -m pip install --quiet --no-input --disable-pip-version-check --constraint .ci/constraints.txt \
	  --editable '.[bench]' || echo "bench: llm-sandbox cannot be installed here, and is left out"
	@$(ENGINE) run -- $(PY) -m tests.bench $(if $(FULL),--full) $(BENCH)

bench-agent: $(READY) ## the loop's own time per tool round, the first token, the import
	@$(PY) -W ignore -m tests.agent.loop_bench

plan-schema: $(READY) ## write docs/reference/plan.schema.json
	@$(PY) -m tests.plan_schema

eval: $(READY) ## the offline planner's coverage and precision, by kind; writes docs/evidence/eval-offline.json
	@$(PY) -m tests.agent.evaluation --json docs/evidence/eval-offline.json

e2e-model: image ## 20 questions to a real small model on this machine (opt-in; says what it needs)
	@$(ENGINE) run -- $(PY) tests/e2e_model.py --json docs/evidence/e2e-model.json

clean: ## remove the environment, caches and reports (images: `csvanalyst image remove`)
	@if [ -f .cache/engine/engine.json ]; then $(PY) .ci/engine.py stop; fi
	@if [ -d .cache/gvisor ]; then $(PY) .ci/gvisor.py stop; fi
	rm -rf $(VENV) .cache build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
