# The one door. `make help` lists what it opens.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
MARKET ?= synthetic_market

export KINDLING_MARKET := $(MARKET)
export DAGSTER_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export PYTHONWARNINGS := ignore

.DEFAULT_GOAL := help

.PHONY: help setup peers demo experiment ui test test-browser check clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready ## virtual environment with the pinned packages

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kindling needs Python 3.11 or newer, found " + sys.version.split()[0] + "; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt ".[dev]"
	@touch $@

peers: .venv-peers/ready ## Qlib and KunQuant in an environment of their own, for benchmarks

.venv-peers/ready: benchmarks/peers/constraints.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --requirement $<
	@touch $@

demo: setup ## raw bars to leaderboard; MARKET=files:FOLDER for your own
	@$(BIN)/python -m pipelines.demo

experiment: setup ## a new question: NAME=... [BASE=ridge_price] [QUESTION="..."]
	@$(BIN)/python -m pipelines.new_experiment "$(NAME)" $(if $(BASE),--base "$(BASE)") $(if $(QUESTION),--question "$(QUESTION)")

ui: setup ## Dagster and MLflow in the browser, on this machine only; Ctrl-C stops both
	@$(BIN)/python -m pipelines.ui

test: setup ## every test, each file in one of two processes, the longest first
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-browser: setup ## the tests that drive a real browser
	$(BIN)/python -m pytest -m browser

check: setup ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## forget all runs and data of every market; what was tried and opened stays in .kindling/trials
	@[ ! -d .kindling ] || find .kindling -mindepth 1 -maxdepth 1 ! -name trials -exec rm -rf {} +
