# `make demo` and `make test` each set everything up by themselves; the second time they start at once.
#
#   PYTHON=...           the interpreter (3.11 or newer) that the environment is made with
#   TORCH_PIP_ARGS=...   more arguments for installing torch, such as the index that has its CPU build
#   SKERRY_MODELS=...    where the models are kept (default: the user's cache folder)

VENV := .venv
BIN := $(VENV)/bin
EXTRAS := cpu,redis,train,bench,dev
MODELS := all-MiniLM-L6-v2 SmolLM2-135M-Instruct
NATIVE := $(shell find kernels/native -name '*.cpp' -o -name '*.hpp' -o -name '*.h')

# 3.11 first: the versions in constraints.txt were tried together with it.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$name"; break; }; done)

.DELETE_ON_ERROR:
.PHONY: help demo test lint format protos licences models install clean

help:
	@echo 'make demo      index, serve and ask a real corpus'
	@echo 'make test      lint, types, contract, tests'
	@echo 'make lint      lint, types and contract only'
	@echo 'make format    rewrite the code in the house style'
	@echo 'make protos    generate the code of the gRPC contract again'
	@echo 'make licences  list the licences of what Skerry needs'
	@echo 'make clean     delete the environment and everything built (not the models)'

demo: models
	$(BIN)/skerry demo

test: lint models
	$(BIN)/python -m pytest -q

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if [ -n "$$(find protos -name '*.proto')" ]; then \
		$(BIN)/python protos/generate.py --include && echo buf lint && $(BIN)/buf lint; fi

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: install
	$(BIN)/python protos/generate.py

licences: install
	$(BIN)/python -m pytest -q -s tests/packaging/test_licences.py

models: install
	$(BIN)/skerry models pull $(MODELS)

install: $(VENV)/.installed

$(VENV)/.created:
	@[ -n "$(PYTHON)" ] || { echo 'No Python 3.11 or newer with venv and pip was found. Install one, or name it:' \
		'make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; } >&2
	@command -v "$${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null \
		|| { echo 'No C++ compiler was found (c++, g++, clang++, or $$CXX): the native kernels need one.'; \
		exit 1; } >&2
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Torch first and alone: what is installed later must take this build and no other.
$(VENV)/.torch: constraints.txt | $(VENV)/.created
	@echo 'Installing torch ...'
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt torch $(TORCH_PIP_ARGS) || { \
		echo; echo "Torch at its pinned version ($$(grep '^torch==' constraints.txt)) could not be installed for" \
		"$$($(BIN)/python --version). If the registry has no such build for this machine, name an index that" \
		"has: make $(MAKECMDGOALS) TORCH_PIP_ARGS='--index-url URL', or another interpreter: PYTHON=..."; \
		exit 1; } >&2
	@touch $@

# An editable install knows modules by their files: where one of them is gone, it is made anew.
KNOWN := $(shell cat $(VENV)/.files 2>/dev/null || echo none)
ifneq ($(filter-out $(wildcard $(KNOWN)),$(KNOWN)),)
.PHONY: $(VENV)/.installed
endif

$(VENV)/.installed: pyproject.toml CMakeLists.txt $(NATIVE) $(VENV)/.torch
	@echo 'Installing Skerry and what it needs, compiling the native kernels ...'
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@find . -name '.?*' -prune -o -name '*.py' -print > $(VENV)/.files
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
