# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make run     trains the star-shaped network on simulated cells (some 5 minutes on two CPU cores)
#   make test    installs what the tests need and runs them all
# Both make .venv themselves. PYTHON=python3.12 chooses another interpreter.

PYTHON ?= python3
# Tests start some hundred processes, which shall not compile gantk each, whatever the surroundings say.
export PYTHONDONTWRITEBYTECODE :=
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
# Two processes that begin with half of the tests each, so that what a file makes once is made once, and end together.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
RECIPE ?= recipes/lin_starshaped.yaml

.PHONY: run test test-long check check-style docs faults soak bench fuzz audit oldest clean

run: .venv/installed
	$(BIN)/gantk run $(RECIPE)

test: .venv/installed-test
	$(PYTEST)

# What takes minutes and seldom breaks: every recipe resumed in the middle, and the like; then the oldest versions.
test-long: .venv/installed-test-long
	$(PYTEST) -m long
	$(MAKE) oldest

check: check-style
	$(PYTEST) -m "not slow and not long"

check-style: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

faults: .venv/installed-test
	$(BIN)/python -m tests.robustness.fault_injection --kills 200 --seed 0

soak: .venv/installed-test
	$(BIN)/python -m tests.robustness.fault_injection.soak

bench: .venv/installed
	$(BIN)/python -m benchmarks $(SETS)

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("gantk needs Python 3.11 or newer, and this is " + sys.version.split()[0] + ": try make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "installing gantk and what it needs into .venv (a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/installed-test: .venv/installed
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,docs]'
	@sh tests/install_browser.sh
	@touch $@

# Libraries that write and read microscopes' files, bioimage.io's, MLflow, wandb, npe2, scanpy, panel, Playwright: some of them heavy; nothing else
# needs them.
.venv/installed-test-long: .venv/installed-test
	@echo "installing what the long tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,docs,bioimageio,microscopy,morphology,mlflow,wandb,explore,test-long]'
	@touch $@

# Ten minutes of coverage-guided fuzzing, two a target (SECONDS=…); atheris has wheels for Linux.
SECONDS ?= 120
fuzz: .venv/installed-test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	for target in recipe sequences bed table checkpoint; do $(BIN)/python fuzz/run.py $$target --seconds $(SECONDS) || exit 1; done

# Known vulnerabilities of the pinned versions, by PyPI's advisories.
audit: .venv/installed-test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

# The quick tests with the oldest versions that pyproject.toml allows, in an environment of their own. PyPI has torch
# 2.4.0 for Linux with CUDA only, some gigabytes: TORCH=2.13.0 takes another one, say one that lies on this disk.
TORCH ?= 2.4.0
oldest:
	$(PYTHON) -m venv .venv-oldest
	sed 's/^torch==.*/torch==$(TORCH)/' constraints-oldest.txt > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check -c .venv-oldest/constraints.txt -e '.[test]'
	.venv-oldest/bin/python -m pytest -n 2 -m "not slow and not long" -W ignore::DeprecationWarning

clean:
	rm -rf .venv .venv-oldest fuzz/found runs dist build site
