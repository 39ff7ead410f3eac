# driftloop: `make` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
EXPORTERS := .venv-exporters
TORCH := $(shell grep -E '^torch==' requirements.in)
PACKAGES := schemas services stream_processors training dashboards

.PHONY: help setup demo up test test-vllm test-exporters test-clients check browser faults kafka-cluster lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Create .venv from the lock file and bring Apache Kafka (no Docker, no Java, no GPU)

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "setup: $(PYTHON) not found; install Python 3.11 or name it: make PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing $(TORCH) (minutes on a first run)"
	@$(BIN)/pip install --quiet --disable-pip-version-check "$(TORCH)"
	@echo "setup: installing $$(grep -c '==' requirements.lock) locked packages"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python -m services.embedded.kafka --bring || test $$? = 3
	@echo "setup: training the scorers' heads (a minute or two on a first run)"
	@$(BIN)/python -m services.scorers.embedded
	@touch $@
	@echo "setup: ready"

demo: setup ## Run the whole loop: drift, alert, retraining, gate, canary, promotion, roll-back
	@$(BIN)/driftloop demo

up: setup ## Start the embedded stack and stay until Ctrl-C
	@$(BIN)/driftloop up

# Tests wait more than they work, so three files at a time; the whole chain needs the machine for itself.
test: setup check browser ## Check the code and run every test
	@$(BIN)/python -m pytest --ignore=tests/e2e -n 3 --dist loadfile
	@$(BIN)/python -m pytest tests/e2e

check: setup ## Lint, type-check and enforce who may import whom
	@$(BIN)/ruff format --check $(PACKAGES) tests
	@$(BIN)/ruff check $(PACKAGES) tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

browser:
	@command -v chromium >/dev/null || { \
		echo "browser: installing Debian's chromium for the dashboard tests"; \
		run=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$run apt-get -qq update && $$run apt-get -qq install -y --no-install-recommends chromium >/dev/null; }

test-exporters: setup ## The real exporters of OpenLLMetry and OpenInference, in an environment of their own, against the collector
	@$(PYTHON) -m venv $(EXPORTERS)
	@if $(EXPORTERS)/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/exporters/requirements.txt; then \
		EXPORTERS_PYTHON=$(EXPORTERS)/bin/python $(BIN)/python -m pytest tests/exporters/real_exporters.py; \
	else echo "test-exporters: NOT RUN: the exporters' packages could not be fetched" >&2; exit 3; fi

test-clients: setup ## Drive gateway and callback with LiteLLM and LangChain, in an environment of their own
	@PYTHON=$(PYTHON) tests/clients/run.sh

faults: setup ## Kill, stop and restart everything on Apache Kafka for 3 minutes, then compare with what was sent
	@$(BIN)/python -m tests.bench.faults --minutes 3 --seed 1

test-vllm: setup ## Test against a real vLLM (6 GB in .venv-vllm); error 3 and a line where it can't be had
	@$(BIN)/python -m tests.vllm.environment
	@DRIFTLOOP_TEST_VLLM=$(CURDIR)/.venv-vllm $(BIN)/python -m pytest tests/vllm --durations=0

kafka-cluster: setup ## Run three brokers that keep every record three times, on ports 19092 to 19094, until Ctrl-C
	@$(BIN)/python -m services.embedded.kafka 3

lock: ## Resolve requirements*.in into requirements.lock
	@deploy/lock.sh

clean: ## Remove the virtual environment, caches and the demo's data
	@rm -rf $(VENV) $(VENV)-vllm $(VENV)-clients $(EXPORTERS) .driftloop build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
