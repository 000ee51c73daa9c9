# Every target sets up what it needs, in .venv and .cache. Only Python >= 3.11 and make are assumed
# (test-real: node and npm too).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than there are cores: tests wait for the disk and for processes.
WORKERS = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
EVERYWHERE := not real and not services and not dist

.PHONY: demo schemas test reliability reliability-slice test-services lint types test-real bench bench-truth picture dist clean
demo: $(VENV)/.installed ## the main job, end to end, offline: recorded CLI output replayed
	$(BIN)/agentd demo

test: $(VENV)/.installed-dev ## all tests that need nothing but Python; those that measure time come last, alone
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m '$(EVERYWHERE) and not timing'
	$(BIN)/python -m pytest -m timing $$(grep -rl --include='test_*.py' 'mark\.timing' tests)

reliability: $(VENV)/.installed-dev ## the long proofs, whole; stopped, it goes on where it was
	$(BIN)/python -m tests.reliability

reliability-slice: $(VENV)/.installed-dev ## another fifth of them than `make test` runs
	$(BIN)/python -m tests.reliability --slice 2

test-services: $(VENV)/.installed-dev ## tests that need a program from Debian; one that is not there is named
	.ci/need promtool prometheus
	.ci/need chromium
	$(BIN)/python -m pytest -m services -rs

lint: $(VENV)/.installed-dev ## style, format, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev ## strict types
	$(BIN)/mypy

test-real: $(VENV)/.installed-dev ## real steps with the CLIs from npm and llama.cpp's server from PyPI, on loopback
	$(BIN)/python -m tests.real.install
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m real tests/real

schemas: $(VENV)/.installed-dev ## docs/schemas and docs/json.md, from the tables that they are made of
	PYTHONPATH=tests $(BIN)/python -m generate.schemas

bench: $(VENV)/.installed-dev ## the figures of docs/figures.md, as ratios in one run
	$(BIN)/python -m benchmarks

bench-truth: $(VENV)/.installed-dev ## each end of a run with each real CLI, against what was served; stopped, it goes on
	$(BIN)/python -m tests.real.install
	PYTHONPATH=tests $(BIN)/python -m real.matrix

picture: $(VENV)/.installed-dev ## draw the terminal of README.md anew
	$(BIN)/python tests/generate/picture.py

dist: $(VENV)/.installed-dev ## wheel, sdist and checksums in dist/, then installed elsewhere and tried
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --outdir dist
	cd dist && sha256sum -- * > SHA256SUMS
	$(BIN)/python -m pytest -m dist -rs tests/release

clean: ## remove everything that was set up
	rm -rf $(VENV) .cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "agentd needs Python >= 3.11; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.installed
