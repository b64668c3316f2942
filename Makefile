# `make run` and `make test` do all their own set-up: they need python3 with venv and pip, no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: run test test-all bench docs lint clean

run: $(VENV)/.installed
	$(BIN)/anticrossing run examples/flux_qubit.toml -o results/flux_qubit

test: $(VENV)/.tested lint
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow"

test-all: $(VENV)/.tested lint
	$(BIN)/python -m pytest -q -n $(WORKERS)

bench: $(VENV)/.benchmarked
	$(BIN)/python -m pytest -q benchmarks --benchmark-columns=min,median,rounds -s

docs: $(VENV)/.tested
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.benchmarked: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[benchmark]'
	@touch $@

clean:
	rm -rf $(VENV) docs/_build results .mypy_cache .ruff_cache .hypothesis
