# Every target does its own set-up: they need python3 with venv and pip, no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
ARGS ?=
# Byte code is made for what is imported, when it is: half the time of an installation.
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check
# Where none may be kept, every worker and every process of a test makes all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-all test-core test-portable mutants fuzz bench docs lint shape dist clean

run: $(VENV)/.installed
	$(BIN)/anticrossing run examples/flux_qubit.toml -o results/flux_qubit

# Each worker has a core: threads of linear algebra would only wait for one another.
test: export OMP_NUM_THREADS ?= 1
test: $(VENV)/.tested
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow"

test-all: $(VENV)/.documented lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --hypothesis-profile all

# The library alone, without any extra: it works, names what is missing, and is imported quickly.
test-core: $(VENV)-core/.installed
	$(VENV)-core/bin/python tools/smoke.py
	$(VENV)-core/bin/python -m pytest -q -s --confcutdir=benchmarks benchmarks/test_startup.py -k import

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

# First the table of the documentation, then what is held against targets; ARGS=--quick for a few rows.
bench: $(VENV)/.benchmarked
	$(BIN)/python -m benchmarks.table $(ARGS)
	$(BIN)/python -m pytest -q benchmarks --benchmark-columns=min,median,rounds -s

docs: $(VENV)/.documented
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

# Source distribution and wheel in dist/, as somebody would use them; ARGS=--tests for their tests.
dist: $(VENV)/.released
	$(BIN)/python tools/distribution.py $(ARGS)

# Rooms and floors of the package, circles of imports, lines of code and of checks.
shape:
	$(PYTHON) tools/shape.py

lint: $(VENV)/.linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(PIP) -e '.[cli]'
	@touch $@

# The largest kernels are compiled meanwhile: installing takes one core.
$(VENV)/.tested: $(VENV)/bin/python pyproject.toml
	$(PIP) -e .
	$(BIN)/python tools/warm.py >/dev/null 2>&1 & $(PIP) -e '.[test]'
	@! command -v chromium >/dev/null || $(PIP) 'playwright>=1.50'
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

$(VENV)/.released: $(VENV)/bin/python pyproject.toml
	$(PIP) -e '.[dist]'
	@touch $@

$(VENV)-core/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-core
	$(VENV)-core/bin/python -m pip install --quiet --disable-pip-version-check -e . pytest-benchmark
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-core build dist docs/_build results .mypy_cache .ruff_cache .hypothesis
