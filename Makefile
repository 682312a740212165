# `make help` lists the targets. Everything happens in .venv and _build of this folder.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/installed.stamp
NB ?= $(sort $(wildcard book/[0-9]*.ipynb))

# The same float32 numbers on another x86 CPU: one instruction set, one thread, no progress bars in the outputs.
PORTABLE := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_CBWR=COMPATIBLE OMP_NUM_THREADS=1 \
	PYTHONHASHSEED=0 TQDM_DISABLE=1 GANLAB_SCALE=quick

SOURCES := $(shell find _config.yml _toc.yml book ganlab -type f \
	-not -name '*.pyc' -not -path '*/.ipynb_checkpoints/*' -not -path '*/.*')

.DEFAULT_GOAL := help
.PHONY: help venv book test execute record record-all lint format colab bench clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

venv: $(INSTALLED) ## make .venv with the pinned packages and this one

book: _build/book.stamp ## build the web book into _build/html, warnings are errors
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

test: $(INSTALLED) lint ## lint, unit tests, the book's own tests, and every chapter against its stored outputs
	$(PORTABLE) $(PY) -m pytest -n 2 --dist loadscope --nbval --nbval-current-env --nbval-cell-timeout 600 \
		--nbval-sanitize-with tests/nbval_sanitize.cfg tests book

execute: $(INSTALLED) ## refresh the stored outputs of all chapters, or of NB=book/02-measure.ipynb
	$(PORTABLE) $(PY) book/_ext/execute.py $(NB)

record: $(INSTALLED) ## run NB at full scale: only ganlab/recorded changes
	GANLAB_SCALE=full GANLAB_RECORD=$(CURDIR)/ganlab/recorded $(PY) book/_ext/execute.py --discard $(NB)

BUDGET ?= 600
record-all: $(INSTALLED) ## record every study of the book within BUDGET seconds, in _build/record; for a GPU
	$(PY) book/_ext/record_all.py --budget $(BUDGET) --out _build/record

lint: $(INSTALLED) ## ruff on code and notebooks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(INSTALLED) ## let ruff put code and notebooks in order
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

colab: _build/colab.stamp ## a self-contained Colab notebook of each chapter, in _build/colab
	@echo "The notebooks: $(CURDIR)/_build/colab"

bench: $(INSTALLED) ## time ganlab against what one would use instead
	@set -e; for script in $$(grep -l __main__ benchmarks/*.py); do echo "== $$script"; $(PY) $$script; done

clean: ## remove what was built; .venv stays
	rm -rf _build build dist .pytest_cache .ruff_cache .hypothesis

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13: name one, as in make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.txt constraints.txt pyproject.toml | $(PY)
	$(PY) -m pip install --disable-pip-version-check --quiet -r requirements.txt -c constraints.txt
	$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

_build/colab.stamp: $(INSTALLED) $(SOURCES) pyproject.toml
	$(PY) book/_ext/colab.py --out _build/colab
	@touch $@

_build/book.stamp: _build/colab.stamp
	$(VENV)/bin/jupyter-book build --all -W -n --keep-going .
	rm -rf _build/html/colab && cp -r _build/colab _build/html/colab
	@touch $@
