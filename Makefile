# Hearth. `make help` lists what there is. Needs: Python 3.11 or newer, make; for the tests also Debian's apt or an installed Chromium.

VENV := .venv
BIN := $(VENV)/bin

# The first of these that is Python 3.11 or newer. `make PYTHON=/path/to/python3.12 demo` decides it by hand.
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for name in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	if command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then command -v $$name; break; fi; done)
endif

# Without compiled bytecode every start is five times slower.
unexport PYTHONDONTWRITEBYTECODE
unexport PIP_NO_COMPILE

# Two processes suit two cores; `make test WORKERS=8` on a larger machine.
WORKERS ?= 2
INSTANCE ?= instance
TESTS ?=

.DEFAULT_GOAL := help
.PHONY: help install install-dev python demo test test-tools check format bench new-migration vendor clean

help: ## List these commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: python ## Create the environment in .venv with what the portal needs
	@$(PYTHON) tools/environment.py base

demo: install ## Start the portal with a living demo company and say where it is
	@$(BIN)/portal --instance $(INSTANCE) demo

test: check test-tools ## Install what the tests need, run every check and every test
	$(BIN)/python -m pytest -n $(WORKERS) --durations=10 $(TESTS)

check: install-dev ## Run formatter, linters, types, import law and migration drift, without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --check --quiet templates
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python tools/drift.py

format: install-dev ## Let the formatters rewrite what they can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	-$(BIN)/djlint --reformat --quiet templates

bench: install-dev ## Run the benchmarks of tests/bench by hand
	@for file in tests/bench/bench_*.py; do [ -e "$$file" ] || { echo "There are no benchmarks yet."; break; }; echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

new-migration: install-dev ## Write a migration for what changed in the models: make new-migration NAME="add shifts"
	@$(BIN)/python tools/new_migration.py "$(NAME)"

vendor: ## Compare the vendored libraries in static/vendor with their noted checksums
	@$(PYTHON) tools/vendor.py

clean: ## Remove the environment and caches; the instance folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

# -- what the commands above stand on --------------------------------------------------------------------------------

python:
	@[ -n "$(PYTHON)" ] || { echo "Hearth needs Python 3.11 or newer, and found none. On Debian or Ubuntu: apt install python3 python3-venv" >&2; exit 1; }

install-dev: python
	@$(PYTHON) tools/environment.py dev

test-tools: install-dev
	@$(BIN)/python tools/testing.py
