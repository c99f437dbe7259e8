# make demo   set up, solve the heat equation, say where the pictures are
# make test   set up, run the whole test suite
# Both set up .venv once; a second call takes no time for it.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types imports clean

demo: $(VENV)/.ready
	$(BIN)/pinnscene solve heat

test: $(VENV)/.ready
	$(BIN)/python -m pytest

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# An editable install maps folders in a way that type checkers cannot follow: they read an installed copy.
types: $(VENV)/.ready
	rm -rf build/typed
	$(BIN)/pip install --quiet --no-deps --target build/typed .
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: types
	cd build/typed && PYTHONPATH=. $(abspath $(BIN))/lint-imports --config $(abspath pyproject.toml)

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("pinnscene needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
