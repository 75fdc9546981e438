# Headwater: `make repro` builds everything, `make test` runs the tests. See CONTRIBUTING.md.
#
# The environment lives in .venv and is made once from constraints.txt. Programs are started as
# `python -m ...` because the scripts in .venv/bin break in folders with long names or with spaces.

PYTHON ?=
PY := .venv/bin/python
READY := .venv/ready
SYSTEM := $(PY) -m headwater.faces.system_libraries
# Half of the files each, so that what files share is built once, then whatever the other has left.
TESTS := -m pytest -q -n 2 --dist worksteal

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help repro test nightly bench lint format docs verify clean

help:
	@echo 'make repro    build the datasets, train, evaluate and write data/report/index.html'
	@echo 'make repro BUILD=glvd,lvd    the same with these systems from now on; BUILD=all every one'
	@echo 'make test     run the tests'
	@echo 'make nightly  the slow tests too, with new random examples'
	@echo 'make bench    measure, write benchmarks/results'
	@echo 'make lint     ruff, mypy and the import rules'
	@echo 'make format   let ruff mend what it can'
	@echo 'make docs     write docs/artifacts.md from the schemas, draw docs/imports.svg'
	@echo 'make verify   check every artifact under data/'
	@echo 'make clean    remove the environment (.venv) and the caches of the tools'

repro: $(READY)
	@$(SYSTEM)
	@exec $(PY) -m flows $$PPID $(if $(findstring command,$(origin BUILD)),"$$BUILD")

test: $(READY)
	@$(SYSTEM)
	@$(PY) $(TESTS) -m 'not slow'

nightly: $(READY)
	@$(SYSTEM)
	@$(PY) $(TESTS) --hypothesis-profile=new

bench: $(READY)
	@$(SYSTEM)
	@$(PY) -m benchmarks.run

lint: $(READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()'

format: $(READY)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

docs: $(READY)
	@$(PY) -m headwater.artifacts.docs
	@$(PY) -m headwater.imports

verify: $(READY)
	@$(PY) -m headwater.cli verify

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): constraints.txt pyproject.toml
	@PYTHON='$(PYTHON)' sh .ci/environment
