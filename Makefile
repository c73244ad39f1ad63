# Two commands are enough on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
# Most tests drive real processes on a machine that may be busy: what fails once runs once more, and is named as RERUN.
PYTEST := $(BIN)/python -m pytest --reruns 1 -r fEsxXR
# Three workers on two cores: most tests wait for a process, a clock or a terminal.
JOBS   ?= 3

.PHONY: setup demo run test test-slow check bench picture lock servers clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml bin/vigie
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Vigie needs Python 3.11 or newer; PYTHON=... names another" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { sh tests/tools/debian_packages.sh python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q console screens runbooks themes
	$(BIN)/python -P -m screens.packing
	@touch $@

demo: setup
	$(BIN)/vigie demo

run: setup
	$(BIN)/vigie

# Lint, types and walls: quick, no server needed.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Test servers are unpacked into .cache/ without root; what can't be fetched skips its tests by name.
servers: setup
	@command -v podman >/dev/null || sh tests/tools/debian_packages.sh podman runc busybox-static >/dev/null 2>&1 || echo "podman is missing: its tests will be skipped by name" >&2
	@sh tests/tools/fetch_servers.sh || echo "some test servers are missing: their tests will be skipped by name" >&2

test: check servers
	$(PYTEST) -n $(JOBS) -m "not slow" tests

test-slow: servers
	$(PYTEST) -n $(JOBS) -m slow tests

# Writes the comparison with other programs into docs/performance.md; what can't be fetched is left out by name.
bench: servers
	@sh tests/tools/fetch_peers.sh || echo "some programs are missing: they are left out by name" >&2
	$(BIN)/python -m compileall -q console screens runbooks themes && $(BIN)/python -P -m screens.packing
	$(BIN)/python -m tests.bench --write docs/performance.md

# The picture in the README: the demo's outage, drawn by the program itself.
picture: setup
	$(BIN)/python docs/make_picture.py

lock:
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --group dev --no-header --no-annotate -o requirements.lock pyproject.toml --quiet

clean:
	rm -rf $(VENV) .cache build dist
