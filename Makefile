# Every target does its own set-up: they need python3 with venv and pip, no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
ARGS ?=
# Byte code is made for what is imported, when it is: half the time of an installation.
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

.PHONY: run test test-all test-portable mutants fuzz bench docs lint clean

run: $(VENV)/.installed
	$(BIN)/anticrossing run examples/flux_qubit.toml -o results/flux_qubit

test: $(VENV)/.tested
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow"

test-all: $(VENV)/.documented lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --hypothesis-profile all

# As on other processors, with other libraries and Pythons; ARGS=--quick for a minute of it.
test-portable: $(VENV)/.tested
	$(BIN)/python tools/portable.py $(ARGS)

# Which changes of the code do the tests not notice? ARGS="--count 20 --seed 3"
mutants: $(VENV)/.tested
	$(BIN)/python tools/mutants.py $(ARGS)

# COUNT hostile experiments, half as many damaged data files and calls, and a twentieth of it problems
# of the exact solver
COUNT ?= 10000
fuzz: $(VENV)/.tested
	$(BIN)/python -m fuzz.files --count $(COUNT)
	$(BIN)/python -m fuzz.data --count $$(( $(COUNT) / 2 ))
	$(BIN)/python -m fuzz.api --count $$(( $(COUNT) / 2 ))
	$(BIN)/python -m fuzz.truth --count $$(( $(COUNT) / 20 ))

bench: $(VENV)/.benchmarked
	$(BIN)/python -m pytest -q benchmarks --benchmark-columns=min,median,rounds -s

docs: $(VENV)/.documented
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

lint: $(VENV)/.linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(PIP) -e .
	@touch $@

$(VENV)/.tested: $(VENV)/bin/python pyproject.toml
	$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.linted: $(VENV)/.tested
	$(PIP) -e '.[lint]'
	@touch $@

$(VENV)/.documented: $(VENV)/.tested
	$(PIP) -e '.[docs]'
	@touch $@

$(VENV)/.benchmarked: $(VENV)/.tested
	$(PIP) -e '.[benchmark]'
	@touch $@

clean:
	rm -rf $(VENV) build docs/_build results .mypy_cache .ruff_cache .hypothesis
