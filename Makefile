# The two commands: `make run` starts everything in this terminal, `make test` checks everything.
# `make bench` measures, in some twenty minutes, and writes benchmarks/RESULTS.md.
# `make drill` breaks everything in turn and proves that nothing was lost, and writes drills/RESULTS.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UP := $(if $(PORT),--port $(PORT)) $(if $(filter 0,$(DEMO)),--no-demo)

.PHONY: run test lint types test-sqlite test-postgres bench drill test-drills clean

run: $(VENV)/run
	@exec $(BIN)/python manage.py up $(UP)

test: lint types test-sqlite test-postgres

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev
	$(BIN)/mypy .

test-sqlite: $(VENV)/dev
	$(BIN)/pytest -n 2 -m "not browser"

# With the browser tests, once: here each request has a connection of its own, as in production.
test-postgres: $(VENV)/dev
	$(BIN)/python -m campaigns.tests.on_postgres $(BIN)/pytest -n 2 -m "not drills"

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

drill: $(VENV)/dev
	$(BIN)/python -m drills

# Each of them needs the machine for itself.
test-drills: $(VENV)/dev
	$(BIN)/python -m campaigns.tests.on_postgres $(BIN)/pytest -m drills

clean:
	rm -rf $(VENV) var db.sqlite3* staticfiles

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, and this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: requirements.txt $(VENV)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt requirements.txt $(VENV)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@
