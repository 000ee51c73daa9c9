# Every target sets up what it needs, in .venv and .cache. Only Python >= 3.11 and make are assumed
# (test-real: node and npm too).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types test-real bench ci clean
demo: $(VENV)/.installed ## the main job, end to end, offline: recorded CLI output replayed
	$(BIN)/agentd demo

test: $(VENV)/.installed-dev ## all tests but those with the real CLIs
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev ## style, format, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev ## strict types
	$(BIN)/mypy

test-real: $(VENV)/.installed-dev ## real steps with gemini, claude and codex from npm, on loopback
	$(BIN)/python -m tests.real.install
	$(BIN)/python -m pytest -m real tests/real

bench: $(VENV)/.installed-dev ## the figures of docs/figures.md, as ratios in one run
	$(BIN)/python -m benchmarks

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
