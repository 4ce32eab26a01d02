# The two commands: `make run` starts everything in this terminal, `make test` checks everything.
# `make bench` measures, in some twenty minutes, and writes benchmarks/RESULTS.md.
# `make drill` breaks everything in turn and proves that nothing was lost, and writes drills/RESULTS.md.
# `make pins` works out anew what is installed, after a change of requirements.in or requirements-dev.in; add
# UPGRADE=1 for the newest of what these need in turn.
# `make mutants` changes the rule, its enforcement, the ledger and the clocks in a hundred places, one at a time, shows
# that the tests notice, and writes mutants/RESULTS.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UP := $(if $(PORT),--port $(PORT)) $(if $(filter 0,$(DEMO)),--no-demo)

.PHONY: run test lint types test-sqlite test-postgres bench drill test-drills mutants pins clean

run: $(VENV)/run
	@exec $(BIN)/python manage.py up $(UP)

test: lint types test-sqlite test-postgres test-drills

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

# The short form of `make drill`, once all else is over: it needs the machine for itself.
test-drills: $(VENV)/dev
	$(BIN)/python -m campaigns.tests.on_postgres $(BIN)/pytest -m drills

# For every Python and machine at once, with the hashes of all files of a release.
PIN = $(BIN)/uv pip compile -q --no-config --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)
pins: $(VENV)/dev
	$(PIN) requirements.in -o requirements.txt
	$(PIN) requirements-dev.in -c requirements.txt -o requirements-dev.txt

mutants: $(VENV)/dev
	$(BIN)/python -m mutants

clean:
	rm -rf $(VENV) var db.sqlite3* staticfiles

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, and this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: requirements.txt $(VENV)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
