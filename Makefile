# One place for every task; CI calls the same targets. Nothing is installed outside .venv and the user's cache.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo ui test test-fast check format lock bench-delta clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Virtual environment, locked dependencies, Java, S3A jars

$(READY): requirements.lock requirements-build.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh $(VENV)
	@touch $@

demo: setup ## Branch a real pipeline end to end on this machine
	@$(BIN)/python demo/run.py $(ARGS)

ui: setup ## Open the Dagster UI on the demo, against the embedded AWS
	@$(BIN)/python demo/ui.py $(ARGS)

# Tests wait more than they compute, so there are more workers than cores; a file's fixtures stay with one of them.
WORKERS := -n 3 --dist loadfile --no-loadscope-reorder

test: setup ## The whole suite, Spark and browser included
	@sh scripts/browser.sh
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

test-fast: setup ## What needs no JVM and no browser
	@$(BIN)/python -m pytest $(WORKERS) -m "not spark and not browser and not slow" $(ARGS)

check: setup ## Lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## Format and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	--no-header

lock: ## Lock the dependencies anew, with hashes and without an index URL
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install -q uv
	@export PATH="$(CURDIR)/$(VENV)-lock/bin:$$PATH" && $(LOCK) --all-extras pyproject.toml -o requirements.lock && \
		echo "setuptools>=77" | $(LOCK) - -o requirements-build.lock && \
		$(LOCK) benchmarks/peers.in -o benchmarks/peers.lock
	@rm -rf $(VENV)-lock

bench-delta: setup $(VENV)-peers/.ready ## Deltas of 10M and 50M rows, as ratios to the floor, beside their peers
	@$(BIN)/python benchmarks/bench_delta.py --peers $(VENV)-peers/bin/python $(ARGS)

$(VENV)-peers/.ready: benchmarks/peers.lock
	@$(PYTHON) -m venv $(VENV)-peers
	@$(VENV)-peers/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

clean: ## Stop the embedded AWS; remove what the demo made and the virtual environment
	@test ! -x $(BIN)/pypedream || $(BIN)/pypedream local down
	@rm -rf .pypedream $(VENV) $(VENV)-peers artifacts
