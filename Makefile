# Everything a person or CI does here. Each target sets up what it needs; `make help` lists them.
SHELL := /bin/sh
VENV ?= .venv
PY := $(VENV)/bin/python
HOST ?= 127.0.0.1
PORT ?= 8000
TESTS ?= tests
WORKERS ?= 2
PYTEST_ARGS ?=
export VENV

.DEFAULT_GOAL := help
.PHONY: help serve test check format demo bench mutants services services-stop lock migration generated setup setup-dev clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: PORT=8000 HOST=127.0.0.1 PYTHON=python3.12 TESTS=tests/core PYTEST_ARGS='-k bid' MUTANTS='auction/bidding'"

serve: setup ## set everything up, load the demo market, serve on http://127.0.0.1:8000 (PORT=…)
	@$(PY) -m marketplace.cli serve --demo --host $(HOST) --port $(PORT)

test: setup-dev ## all tests, on SQLite and on every server named by HENANROAD_TEST_*_URL
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(TESTS) $(PYTEST_ARGS)

check: setup-dev ## what CI runs: format, lint, strict types, import contracts, then the tests
	@$(PY) -m scripts.check

format: setup-dev ## bring the code into its format
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

demo: setup ## the whole chain as a story, against a fresh market through its public API (DEMO=--servers: as in production)
	@$(PY) -m marketplace.cli demo $(DEMO)

bench: setup-dev ## every benchmark (BENCH='--quick' for a minute each)
	@$(PY) -m scripts.bench $(BENCH)

mutants: setup-dev ## mutation testing of the domain files (MUTANTS='auction/bidding …' for some of them)
	@$(PY) -m scripts.mutants $(MUTANTS)

services: ## PostgreSQL, Redis and Elasticsearch by docker compose on loopback; prints the exports
	@scripts/services up

services-stop: ## stop them and remove their data
	@scripts/services down

lock: setup-dev ## resolve requirements*.in anew into the two lock files
	@scripts/lock

migration: setup-dev ## write the initial migration anew from the models (only while nothing is released)
	@$(PY) -m marketplace.cli migration

generated: setup-dev migration ## everything that is generated and checked in: migration, .env.example, docs/openapi.json
	@$(PY) -m marketplace.cli settings
	@$(PY) -m marketplace.cli openapi

setup:
	@scripts/setup runtime

setup-dev:
	@scripts/setup dev

clean: ## remove the environment, caches and the demo market's files
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache mutants var build
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
