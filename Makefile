# What people and CI run. Needs Python >= 3.11 with pip and venv, and make; everything else comes hash-checked from the locks.
#   make up                 start edge, workers and broker with ./config     (CONFIG= PORT= DATA= WORKERS=)
#   make test               lint, types and the whole test suite              (JOBS=3, ARGS=-x)
#   make check              lint and types only
#   make slow               the long runs that make test leaves out: faults and soaks
#   make faults             what docs/guarantees.md promises, cell by cell and under load, with processes that are really killed (ARGS="--seed 1")
#   make hostile            scripts that want to hang, exhaust or escape the sandbox, through a mesh   (ARGS=--write-docs, ARGS="--only H22")
#   make .node              clients and servers of others for the tests (npm packages, from a lock)
#   make conformance        the published conformance suite, direct and through two edges    (ARGS=--write-docs)
#   make bench              measure this machine                              (ARGS=--quick, ARGS=--write-docs)
#   make lock               resolve the dependencies anew into the locks
#   PYTHON=/path/to/python  chooses the Python that .venv is made with

.DELETE_ON_ERROR:
.DEFAULT_GOAL := up
.PHONY: up .venv .node test slow faults hostile check bench conformance lock clean

CONFIG  ?= ./config
PORT    ?=
DATA    ?=
WORKERS ?=
ARGS    ?=
# Tests that run at a time: most of them wait for processes of their own, so more than there are cores.
JOBS    ?= 3

export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
# Wheels only: building a source archive would fetch build tools that no hash covers.
PIP := $(BIN)/python -m pip --quiet --no-input --require-virtualenv
INSTALL := $(PIP) install --require-hashes --only-binary :all: -r
OPTIONS := $(if $(PORT),--port $(PORT)) $(if $(DATA),--data $(DATA)) $(if $(WORKERS),--workers $(WORKERS))

up: .venv
	@$(BIN)/toolmesh up --config $(CONFIG) $(OPTIONS)

.venv: .venv/.project
	@:

# The run-time environment, made anew when the lock changes, so that nothing stays that the lock no longer names.
.venv/.locked: requirements.lock
	@echo "making .venv with $$(scripts/find-python) (about half a minute)"
	@"$$(scripts/find-python)" -m venv --clear .venv
	@$(INSTALL) requirements.lock
	@touch $@

# The project itself, editable: hatchling is in the lock, so that pip needs no build environment of its own.
.venv/.project: .venv/.locked pyproject.toml
	@echo "installing toolmesh into .venv"
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.locked
	@echo "installing the test tools into .venv"
	@$(INSTALL) requirements-dev.lock
	@touch $@

check: .venv .venv/.dev
	@echo "ruff: lint and format"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@echo "mypy: types"
	@$(BIN)/mypy --no-error-summary

# What is compiled is kept: the tests start some hundred processes, and pytest rewrites each file's asserts.
test slow faults hostile conformance bench: export PYTHONDONTWRITEBYTECODE :=

# In the order of their names: files with few tests are often the ones that take long, and would else run last and alone.
# While one processor looks at types, the other prepares what every process of the test run would else do for itself.
test: .venv .venv/.dev
	@$(BIN)/python -m pytest --collect-only >/dev/null 2>&1 & preparing=$$!; \
		$(MAKE) --no-print-directory check; checked=$$?; wait $$preparing; exit $$checked
	@echo "pytest"
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

slow: .venv .venv/.dev
	@$(BIN)/python -m pytest -m slow $(ARGS)

faults: .venv .venv/.dev
	@$(BIN)/python -m pytest -m faults --numprocesses $(JOBS) --dist loadfile tests/faults
	@$(BIN)/python -m tests.faults.run $(ARGS)

hostile: .venv .venv/.dev
	@$(BIN)/python -m tests.hostile.run $(ARGS)

.node: .node/.installed
	@:

.node/.installed: tests/clients/package-lock.json | .venv .venv/.dev
	@echo "installing the clients and servers of others into .node"
	@$(BIN)/python -m tests.clients.node install

conformance: .venv .venv/.dev .node
	@$(BIN)/python -m tests.conformance.report $(ARGS)

bench: .venv
	@$(BIN)/python -m bench $(ARGS)

lock: .venv/.dev
	@echo "resolving requirements.lock, requirements-dev.lock and tests/clients/package-lock.json"
	@scripts/lock $(BIN)/uv
	@$(BIN)/python -m tests.clients.node lock

clean:
	@rm -rf .venv .node .mypy_cache .ruff_cache .pytest_cache bench/out
