# What can be done here: `make help`.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PORT ?= 8000
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null || echo .local/uv/bin/uv)
JOBS ?= 2
PYTEST_ARGS ?=

# Tests start many processes; each would compile thousands of modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check check-types check-rest format bench sbom audit browser install clean

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(STAMP) ## Run everything on this machine (PORT=8000); Ctrl-C stops it
	@exec $(PYTHON) manage.py up --port $(PORT)

test: $(STAMP) browser ## Run all tests, those in a browser too (PYTEST_ARGS="-k name")
	$(PYTHON) -m pytest --numprocesses $(JOBS) --dist worksteal $(PYTEST_ARGS)

check: $(STAMP) ## Format, lint, types, floors, templates, migrations, deployment
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-types check-rest

check-types: $(STAMP)
	$(VENV)/bin/mypy .

check-rest: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint --quiet --lint templates
	$(PYTHON) -m config.tests.deployment

format: $(STAMP) ## Put code and templates into shape
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(STAMP) ## Measure against floors and peers (BENCH="chat retrieval")
	$(PYTHON) -m benchmarks $(BENCH)

# Neither belongs to `check`: an audit asks a service on the internet, and its answer changes without a commit.
sbom: $(STAMP) ## List what an installation is made of, with hashes (artefacts/sbom.cdx.json, CycloneDX 1.5)
	@mkdir -p artefacts
	@$(UV) export --quiet --locked --no-dev --no-emit-project --preview-features sbom-export \
		--format cyclonedx1.5 --output-file artefacts/sbom.cdx.json
	@echo artefacts/sbom.cdx.json

audit: $(STAMP) ## Ask osv.dev for known holes in what uv.lock names, tools of development too
	$(UV) audit --locked --preview-features audit-command

browser: ## Install Debian's chromium when it is missing and that is allowed
	@bin/browser

install: $(STAMP) ## Make the environment from the lock file

$(STAMP): uv.lock pyproject.toml bin/environment
	@bin/environment
	@touch $@

clean: ## Remove what was made, the data in .local too
	rm -rf $(VENV) .local .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis artefacts
