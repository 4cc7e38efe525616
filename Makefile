# `make help` lists what can be done. Everything sets itself up: Python 3.11 or newer and git are enough.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run test check fmt bench clean

help: ## list the tasks
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Understudy needs Python 3.11 or newer, this is " + sys.version'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	@touch $@

run: $(STAMP) ## play the main job with real files in a new folder
	@$(BIN)/understudy demo

test: $(STAMP) ## pass the tests
	$(BIN)/pytest --numprocesses 4 --dist loadgroup

check: $(STAMP) ## formatting, linting, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright

fmt: $(STAMP) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## measure, beside yardsticks, in one run
	$(BIN)/python -m benchmarks

clean: ## remove what was made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
