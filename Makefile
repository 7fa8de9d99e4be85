# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make run     trains the star-shaped network on simulated cells (8 minutes on two CPU cores)
#   make test    installs what the tests need and runs them all
# Both make .venv themselves. PYTHON=python3.12 chooses another interpreter.

PYTHON ?= python3
BIN := .venv/bin
RECIPE ?= recipes/lin_starshaped.yaml

.PHONY: run test check check-style bench clean

run: .venv/installed
	$(BIN)/gantk run $(RECIPE)

test: .venv/installed-test
	$(BIN)/python -m pytest -n 2

check: check-style
	$(BIN)/python -m pytest -n 2 -m "not slow"

check-style: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/python benchmarks/reach.py toy_motif --seeds 0

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("gantk needs Python 3.11 or newer, and this is " + sys.version.split()[0] + ": try make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "installing gantk and what it needs into .venv (a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/installed-test: .venv/installed
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

clean:
	rm -rf .venv runs dist build
