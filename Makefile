# The commands of the course; `make` alone lists them.

# Python 3.13, which Colab has, where it is installed; else 3.12; else what python3 is.
PYTHON ?= $(shell for p in python3.13 "$$HOME"/.pyenv/versions/3.13.*/bin/python python3.12; do \
	"$$p" -c "import ensurepip" 2>/dev/null && break; p=python3; done; echo "$$p")
# Colab's versions; constraints/ has those of its earlier runtimes. `make CONSTRAINTS= test` takes
# the newest ones. Each wants fresh environments.
export CONSTRAINTS ?= constraints.txt
# How much of their training the notebooks do in the tests; with 1, everything stored is compared.
export SHARE ?= 0.01

# The branch that `make address` points at, until there is a release.
BRANCH ?= main

# What course.py makes: what readers have, and on top of it what builds and tests the course.
READERS := .venv-readers/bin
BIN := .venv/bin
# The site has an environment of its own: its tool does not go with Colab's versions.
SITE := .venv-site/bin
# Without this, every kernel of Colab's IPython starts with a warning.
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := help
.PHONY: help learn test notebooks run pictures weights bench gpu address site release clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

learn:  ## open the course in JupyterLab
	@$(PYTHON) course.py learn

test:  ## test the code, and every notebook as stored and solved (SHARE=1: trained in full)
	@$(PYTHON) course.py test

notebooks: .venv/.installed  ## make the notebooks from their sources (NB=01: only one)
	$(BIN)/python notebooks/build.py $(NB)

run: .venv/.installed  ## run the notebooks and keep what they show in build/ (NB=01: only one)
	$(BIN)/python notebooks/run.py $(NB)

pictures: .venv/.installed  ## all pictures on one page in build/ (BEFORE=COMMIT: beside those of then)
	$(BIN)/python notebooks/contact.py $(BEFORE)

weights: .venv/.installed  ## train the network that comes with the course: minutes
	$(BIN)/python -m course_utils.weights.train

bench: .venv/.installed  ## measure what the network draws after 30 and 90 seconds, speed, and how long checks take
	PYTHONPATH=. $(BIN)/python benchmarks/digits.py
	PYTHONPATH=. $(BIN)/python benchmarks/published.py
	PYTHONPATH=. $(BIN)/python benchmarks/training.py
	PYTHONPATH=. $(BIN)/python benchmarks/wiener.py
	PYTHONPATH=. $(BIN)/python benchmarks/first_result.py
	PYTHONPATH=. $(BIN)/python benchmarks/tracer.py
	PYTHONPATH=. $(BIN)/python benchmarks/page_speed.py
	PYTHONPATH=.:tests $(BIN)/python benchmarks/checks.py

gpu: .venv/.installed  ## measure on a GPU: speed, memory, and how long the notebooks take
	@PYTHONPATH=. $(BIN)/python benchmarks/gpu.py

address:  ## let links and setup cells point at a copy of the course (REPO=OWNER/REPO)
	@$(PYTHON) notebooks/address.py "$(REPO)" --branch "$(BRANCH)"

# Every warning is an error: a link to a page or an anchor that is not there is one.
site: .venv-site/.installed .venv-readers/.installed  ## make the site of all notebooks, with search, in build/site
	rm -rf build/pages build/extra build/doctrees build/site
	$(SITE)/python docs/pages.py build/pages
	PYTHONPATH=. $(READERS)/python -m course_utils page scores/course --out build/extra/draw/index.html
	PYTHONPATH=. $(READERS)/python docs/catalogue.py build/pages/mistakes
	$(SITE)/python -m sphinx -q -W --keep-going -c docs -d build/doctrees build/pages build/site
	$(SITE)/python docs/check_site.py build/site

release: .venv/.installed  ## commit and tag a release, push nothing (REPO=OWNER/REPO VERSION=v1.2.3)
	$(BIN)/python notebooks/release.py "$(REPO)" "$(VERSION)"

clean:  ## delete what the other commands made, except the environments
	rm -rf build .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path "./.venv*/*" -prune -exec rm -rf {} +

.venv-site/.installed: docs/requirements.txt
	@echo "Installing what makes the site into .venv-site: a minute, once."
	$(PYTHON) -m venv .venv-site
	$(SITE)/pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@

.venv-readers/.installed: requirements.txt $(CONSTRAINTS)
	@$(PYTHON) course.py install readers

.venv/.installed: .venv-readers/.installed tests/requirements.txt
	@$(PYTHON) course.py install tools
