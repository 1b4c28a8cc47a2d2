# The commands of the course; `make` alone lists them.

# Python 3.13, which Colab has, where it is installed; else 3.12; else what python3 is.
PYTHON ?= $(shell for p in python3.13 "$$HOME"/.pyenv/versions/3.13.*/bin/python python3.12; do \
	"$$p" -c "import ensurepip" 2>/dev/null && break; p=python3; done; echo "$$p")
# Colab's versions. `make CONSTRAINTS= test` takes the newest ones (in fresh environments).
CONSTRAINTS ?= constraints.txt

# How much of their training the notebooks do in the tests; with 1, everything stored is compared.
SHARE ?= 0.02

# What readers have, and nothing else; and on top of it, what builds and tests the course.
READERS := .venv-readers/bin
BIN := .venv/bin
# The newest widgets, on top of what readers have, for the tests in a browser.
WIDGETS := .venv-widgets/bin
# The site has an environment of its own: its tool does not go with Colab's versions.
SITE := .venv-site/bin
# Without this, every kernel of Colab's IPython starts with a warning.
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := help
.PHONY: help learn test notebooks run bench gpu address site release clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

learn: .venv-readers/.installed  ## open the course in JupyterLab
	@$(READERS)/python notebooks/learn.py

# On the CPU: the stored outputs are those of a CPU. One file at a time on each core, for two threads
# do not make a small network twice as fast.
test: export CUDA_VISIBLE_DEVICES :=
test: export OMP_NUM_THREADS := 1
# The notebooks run as on Colab, in folders of their own outside of the course (tests/rehearse.py).
test: .venv/.installed .venv-widgets/.installed  ## test the code, and every notebook as stored and solved (SHARE=1: trained in full)
	$(BIN)/python notebooks/build.py --check
	rm -rf build/browser build/screenshots && mkdir -p build
	$(READERS)/python -m pip freeze --all > build/packages_before.txt
	colab=$$(mktemp -d) && \
	$(BIN)/python tests/rehearse.py $$colab $(READERS)/python --share $(SHARE) && \
	JUPYTER_PATH=$$colab/jupyter $(BIN)/python -m pytest -c pyproject.toml --rootdir . \
		-rs -n logical --maxprocesses 4 --dist loadgroup --no-loadscope-reorder \
		--nbval --nbval-kernel-name colab --nbval-sanitize-with tests/nbval.cfg \
		--nbval-cell-timeout 900 $$colab/notebooks/stored $$colab/notebooks/solved tests && \
	rm -rf $$colab
	$(READERS)/python -m pip freeze --all | diff build/packages_before.txt - >&2

notebooks: .venv/.installed  ## make the notebooks from their sources (NB=01: only one)
	$(BIN)/python notebooks/build.py $(NB)

run: .venv/.installed  ## run the notebooks and keep what they show in build/ (NB=01: only one)
	$(BIN)/python notebooks/run.py $(NB)

bench: .venv/.installed  ## measure what the network draws after 30 and 90 seconds, speed, and how long checks take
	PYTHONPATH=. $(BIN)/python benchmarks/digits.py
	PYTHONPATH=. $(BIN)/python benchmarks/published.py
	PYTHONPATH=. $(BIN)/python benchmarks/training.py
	PYTHONPATH=. $(BIN)/python benchmarks/wiener.py
	PYTHONPATH=. $(BIN)/python benchmarks/first_result.py
	PYTHONPATH=. $(BIN)/python benchmarks/tracer.py
	PYTHONPATH=.:tests $(BIN)/python benchmarks/checks.py

gpu: .venv/.installed  ## measure on a GPU: speed, memory, and how long the notebooks take
	@PYTHONPATH=. $(BIN)/python benchmarks/gpu.py

address: .venv/.installed  ## say where the course is published (REPO=OWNER/REPO)
	$(BIN)/python notebooks/build.py --address "$(REPO)"

# Every warning is an error: a link to a page or an anchor that is not there is one.
site: .venv-site/.installed .venv-readers/.installed  ## make the site of all notebooks, with search, in build/site
	rm -rf build/pages build/doctrees build/site
	$(SITE)/python docs/pages.py build/pages
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

.venv-readers/.installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "The course needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into .venv-readers: a few minutes, once."
	$(PYTHON) -m venv .venv-readers
	$(READERS)/pip install --quiet --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS)) \
		-r requirements.txt
	@touch $@

.venv/.installed: .venv-readers/.installed tests/requirements.txt
	@echo "Installing the tools into .venv: a minute, once."
	$(READERS)/python -m venv .venv
	$(READERS)/python -c "import site; print(*site.getsitepackages())" \
		> $$($(BIN)/python -c "import site; print(*site.getsitepackages())")/what_readers_have.pth
	$(BIN)/pip install --quiet --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS)) \
		-r requirements.txt -r tests/requirements.txt
	mkdir -p .venv/share/jupyter
	ln -sfn $(CURDIR)/.venv-readers/share/jupyter/nbconvert .venv/share/jupyter/nbconvert
	@touch $@

.venv-widgets/.installed: .venv-readers/.installed
	@echo "Installing the newest widgets into .venv-widgets: seconds, once."
	$(READERS)/python -m venv .venv-widgets
	$(READERS)/python -c "import site; print(*site.getsitepackages())" \
		> $$($(WIDGETS)/python -c "import site; print(*site.getsitepackages())")/what_readers_have.pth
	$(WIDGETS)/pip install --quiet --disable-pip-version-check "ipywidgets>=8"
	@touch $@
