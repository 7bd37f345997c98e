# `make report` and `make test` set up all they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(abspath $(BIN)):$(PATH)
export PYTHONDONTWRITEBYTECODE :=

.PHONY: report test environment bench studies voices chaos together faults fuzz lab notebooks clean

report: .venv/installed  ## the whole experiment on the embedded corpus, as a book: _build/html/index.html
	snakemake --cores all --quiet rules
	@echo "The report: $(abspath _build/html/index.html)"

test: .venv/installed  ## style, types, the order of the library's rooms, and then the tests
	ruff check
	mypy
	lint-imports --no-logo
	python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

environment: .venv/installed  ## .venv alone, with all that the project needs

bench: .venv/installed  ## how fast training and inference are on this machine: benchmarks/*.json, in half an hour
	python -m benchmarks

studies: .venv/installed  ## what the paper leaves open: studies/*.json, in an hour of two cores; goes on where it was
	python -m studies.batches --json studies/batches.json
	python -m studies.debiasing --json studies/debiasing.json
	python -m studies.choices --json studies/choices.json
	python -m studies.multitask --json studies/multitask.json

voices: .venv/installed  ## how the systems do on real recordings: JSON, or studies/voices.json, of the folder CORPUS
	$(if $(CORPUS),,$(error CORPUS is not given; expected the folder of a corpus: make voices CORPUS=/data/emogator))
	python -m studies.voices "$(CORPUS)" --json "$(or $(JSON),studies/voices.json)"

chaos: .venv/installed  ## a training at demo scale, killed 40 times, against one left alone
	python -m tests.faults.chaos --kills 40 --json tests/faults/records/chaos.json

together: .venv/installed  ## a training by two processes, against one by one
	python -m tests.faults.together --json tests/faults/records/together.json

faults: .venv/installed  ## everything that can happen to a run: what the user sees, what is lost
	python -m tests.faults --json tests/faults/records/faults.json --csv tests/faults/records/faults.csv

fuzz: .venv/installed  ## ten minutes of damaged inputs of every kind
	python -m tests.faults.fuzz --minutes 10 --json tests/faults/records/fuzz.json

lab: notebooks  ## the notebooks in JupyterLab
	jupyter lab notebooks

notebooks: .venv/installed  ## notebooks/*.ipynb from notebooks/*.py
	snakemake --quiet rules --cores all $(patsubst %.py,%.ipynb,$(wildcard notebooks/*.py))

clean:  ## removes everything that can be made again, trained systems included; .venv stays
	rm -rf _build book/notebooks cache results notebooks/*.ipynb .snakemake .hypothesis .*_cache

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.11 ...')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
