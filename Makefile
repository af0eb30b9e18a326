# Two commands are enough on a machine with python3 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
DEMO := demo
DEMO_ARGS ?= --seed 10 --like npra_31_81
WORKERS ?= 2
PACKAGES := lithogen forward seismic_io viz
# One thread a process: the workers share the cores, and results do not depend on it.
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.stamp-run ## create .venv and install lithogen in it

demo: $(VENV)/.stamp-run ## generate an earth model and its seismic into ./demo
	$(BIN)/lithogen generate $(DEMO_ARGS) --overwrite -o $(DEMO)
	@echo "Results: $(CURDIR)/$(DEMO) (open overview.png first)"

test: $(VENV)/.stamp-test ## run all tests
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(VENV)/.stamp-dev ## ruff, mypy --strict, import direction
	$(BIN)/ruff check .
	$(BIN)/mypy --strict
	$(BIN)/python -m pytest -q tests/unit/lithogen/test_layers.py tests/unit/lithogen/test_imports.py

bench: $(VENV)/.stamp-test ## run every benchmark, one JSON line each
	@for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove what the other targets made (.venv, demo, caches)
	rm -rf $(VENV) $(DEMO) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp is older than a changed pyproject.toml or constraints.txt, so both lead to a new install.
$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	  sys.exit(0 if (3, 11) <= v < (3, 14) else \
	  "$(PYTHON) is Python %d.%d; lithogen needs 3.11, 3.12 or 3.13: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-run: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.stamp-test: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.stamp-run

$(VENV)/.stamp-dev: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.stamp-test $(VENV)/.stamp-run
