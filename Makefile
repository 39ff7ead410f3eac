# driftloop: `make` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell grep -E '^torch==' requirements.in)
EMBEDDED_ONLY := --ignore=tests/e2e --ignore=tests/services/embedded/test_broker.py --ignore=tests/services/commands/test_line.py
PACKAGES := schemas services stream_processors training dashboards

.PHONY: help setup demo up test check browser kafka kafka-cluster test-kafka test-kafka-if-available lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Create .venv from the lock file (no Docker, no GPU)

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "setup: $(PYTHON) not found; install Python 3.11 or name it: make PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing $(TORCH) (minutes on a first run)"
	@$(BIN)/pip install --quiet --disable-pip-version-check "$(TORCH)"
	@echo "setup: installing $$(grep -c '==' requirements.lock) locked packages"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
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

kafka: setup ## Start Apache Kafka on port 19092 (Java 17, Maven; no Docker) and stay until Ctrl-C
	@$(BIN)/python -m services.embedded.kafka

kafka-cluster: setup ## The same with three brokers that keep every record three times
	@$(BIN)/python -m services.embedded.kafka 3

test-kafka: setup ## Run every test that touches a broker against Apache Kafka, then kill things for 3 minutes
	@$(BIN)/python -m services.embedded.kafka --bring
	@DRIFTLOOP_TEST_BROKER=kafka $(BIN)/python -m pytest -m broker $(EMBEDDED_ONLY) -n 3 --dist loadfile
	@$(BIN)/python -m tests.bench.faults --minutes 3 --seed 1

# Status 3 of --bring is a machine without Java, Maven or Maven Central; it has said so in one line.
test-kafka-if-available: setup
	@status=0; $(BIN)/python -m services.embedded.kafka --bring || status=$$?; \
		case $$status in 0) $(MAKE) --no-print-directory test-kafka;; 3) echo "test-kafka: skipped";; *) exit $$status;; esac

lock: ## Resolve requirements*.in into requirements.lock
	@deploy/lock.sh

clean: ## Remove the virtual environment, caches and the demo's data
	@rm -rf $(VENV) .driftloop build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
