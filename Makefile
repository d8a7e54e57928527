# `make` alone lists the targets. Everything happens in .venv and var; deleting both is a clean start.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Hundreds of processes are started: without its bytecode on disk, each would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := platform pipelines features models serving dagster_project tests
EXISTING = $(wildcard $(SOURCES))
PACKAGES = $(filter-out tests,$(EXISTING))
WORKERS ?= 3
MINUTES ?= 5
PRODUCTS ?= 100000
SECONDS ?= 4
PAIR ?=

.PHONY: help setup demo up down test lint format type imports pytest lock bench bench-core bench-data bench-catalogue bench-fair bench-import proofs apart mutants races chaos security clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything pinned in constraints.txt

# uv installs in seconds what takes pip a minute; where it can't be had, pip does it. uv doesn't read pip's configuration,
# so a folder of wheels named there is passed on.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what constraints.txt pins into $(VENV): about a minute with uv, some with pip."
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7'; then \
		links="$$($(BIN)/python -m pip config get global.find-links 2>/dev/null || true)"; \
		if [ -n "$$links" ]; then export UV_FIND_LINKS="$$links"; fi; \
		$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[all]' --group dev; \
	else \
		$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'; \
		$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all]' --group dev; \
	fi
	@touch $@

demo: setup ## Start everything on real data, and say where to look
	@exec $(BIN)/tradewind demo

up: setup ## Start the local stack, without loading anything; Ctrl-C stops it
	@exec $(BIN)/tradewind up

down: setup ## Stop the local stack
	@$(BIN)/tradewind down

test: setup ## Check style, types and imports, then run the tests
	@$(MAKE) --no-print-directory -j2 lint type imports pytest

lint: setup ## Check style and layout
	@$(BIN)/ruff check $(EXISTING)
	@$(BIN)/ruff format --check $(EXISTING)

format: setup ## Put the layout right, and what style can be put right by itself
	@$(BIN)/ruff format $(EXISTING)
	@$(BIN)/ruff check --fix $(EXISTING)

type: setup ## Check the types of the packages
	@$(BIN)/mypy $(PACKAGES)

imports: setup ## Check which package may import which
	@$(BIN)/lint-imports

pytest: setup ## Run the tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m 'not proof'

proofs: setup ## Run the tests that take their time: kill -9 at every turn, long walks
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.proofs -n $(WORKERS) --dist worksteal

apart: setup ## Run the tests of the core with a database of its own for each tenant
	@TRADEWIND_TEST_APART=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q \
		tests/commerce tests/security tests/storefront tests/identity tests/privacy tests/backoffice tests/leaving

lock: setup ## Pin everything anew in constraints.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --no-annotate --no-header \
		--strip-extras --upgrade pyproject.toml --output-file $(VENV)/pins.txt
	@{ head -n 1 constraints.txt; cat $(VENV)/pins.txt; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt

bench: setup ## Measure, each figure beside its floor; writes docs/benchmarks.md
	@exec $(BIN)/tradewind bench

bench-core: setup ## Measure the transactional core by itself; PRODUCTS=100000 SECONDS=4 change how much and how long
	@exec $(BIN)/tradewind bench core --products $(PRODUCTS) --seconds $(SECONDS)

bench-catalogue: setup ## Measure a large catalogue by itself; PRODUCTS=1000000 SECONDS=4 change how much and how long
	@exec $(BIN)/tradewind bench catalogue --products $(PRODUCTS) --seconds $(SECONDS)

bench-data: setup ## Measure how many events are taken, what orders notice of it, and how soon an event is known
	@exec $(BIN)/tradewind bench data --seconds $(SECONDS)

bench-fair: setup ## Measure what a quiet shop notices of a noisy one on the same workers
	@exec $(BIN)/tradewind bench fair

bench-import: setup ## Measure how fast products come in by a file, beside COPY; PRODUCTS=100000 changes how many
	@exec $(BIN)/tradewind bench import --products $(PRODUCTS)

mutants: setup ## Plant the classic bugs, one at a time, and see that the tests catch each
	@exec $(BIN)/python -m tests.mutants

races: setup ## Let two hands take turns in every order, statement by statement, for every pair that contends
	@exec $(BIN)/python -m tests.races $(if $(PAIR),--pair "$(PAIR)")

chaos: setup ## Kill, cut, fill and mistime a shop under load for MINUTES, and see that nothing is lost or done twice
	@exec $(BIN)/python -m tests.chaos --minutes $(MINUTES)

security: setup ## Attack a worker, and have the code read by tools that look for what attackers look for
	@exec $(BIN)/python -m tests.hardening

clean: ## Remove what can be made again, and the local stack's data
	@if [ -x $(BIN)/tradewind ]; then $(BIN)/tradewind down; fi
	rm -rf var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(EXISTING) -name __pycache__ -prune -exec rm -rf {} +
