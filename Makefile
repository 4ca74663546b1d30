# One setting-up for everything: a virtual environment beside the code, pinned by constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS ?=

.PHONY: work test slow lint bench-quick setup clean

work: .venv/.worker           ## set up, then run the main job
	$(BIN)/quickstudy work $(ARGS)

test: .venv/.developer lint   ## set up, then pass the tests
	$(BIN)/python -m pytest $(ARGS)

slow: .venv/.developer        ## learning curves and long crash loops
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: .venv/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench-quick: .venv/.developer ## minutes: each benchmark, small
	$(BIN)/python -m benchmarks.quick --quick --peers none

setup: .venv/.worker

.venv/.worker: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --constraint constraints.txt --editable '.[anaesthetist]'
	touch $@

.venv/.developer: .venv/.worker
	$(PIP) --constraint constraints.txt --editable '.[anaesthetist,export,dev]'
	touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
