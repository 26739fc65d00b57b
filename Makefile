.DEFAULT_GOAL := help
.PHONY: help setup run test lint types openapi checkov check bench
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed
CHECKOV := .cache/checkov-3.3.30

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything pinned (quick when nothing changed)

$(STAMP): requirements.txt requirements-dev.txt constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || \
		{ echo "setup: Python 3.11 or 3.12 is needed; name yours: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "setup: making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@echo "setup: installing the pinned packages (about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(STAMP)
	@echo "setup: done"

run: setup ## serve on http://127.0.0.1:7071 (PORT=, DATA_DIR= change port and folder)
	@exec $(BIN)/python -m local $(if $(PORT),--port "$(PORT)") $(if $(DATA_DIR),--data "$(DATA_DIR)")

test: setup ## run the tests (ARGS= goes to pytest)
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

lint: setup ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## check types, strictly
	@$(BIN)/mypy

openapi: setup ## write infra/openapi.json from the endpoints
	@$(BIN)/python -m local.openapi

checkov: setup $(CHECKOV)/.installed ## run checkov over infra/, in an environment of its own (300 MB)
	@$(CHECKOV)/bin/checkov --directory infra --config-file infra/.checkov.yaml | \
		$(BIN)/python -m tests.infra.checkov_report

$(CHECKOV)/.installed:
	@echo "checkov: installing it (about half a minute)"
	@$(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check checkov==3.3.30
	@touch $@

check: lint types test checkov ## everything that must hold before a change lands (what CI runs)

bench: setup ## measure requests, streams, the embedded engine and telemetry (five minutes)
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.streams
	@$(BIN)/python -m bench.engine
	@$(BIN)/python -m bench.telemetry
