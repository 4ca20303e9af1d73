# Every target works where there are python3 (3.11 or newer) and make, and nothing else: it sets up what it needs, once.

UV_VERSION := 0.13.8
TOOLS      := .tools
UV         := $(TOOLS)/bin/uv
UV_STAMP   := $(TOOLS)/uv-$(UV_VERSION)
BIN        := .venv/bin
STAMP      := .venv/.synced

# Everything that decides what is installed. Found by pattern: a folder copied into providers/ is a member at once.
PROJECTS := $(sort $(wildcard pyproject.toml uv.lock providers/*/pyproject.toml examples/provider-*/pyproject.toml))
SOURCES  := $(sort $(wildcard src providers/*/src examples/provider-*/src))
TESTS    := $(sort $(wildcard tests providers/*/tests examples/*/tests))
SCRIPTS  := $(sort $(wildcard examples/*.py))

ARGS   ?=
PYTHON ?=

export UV_PROJECT_ENVIRONMENT := .venv
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
unexport VIRTUAL_ENV

# Many tests start our programs. Without bytecode each of them compiles all that it imports again, which is more than half
# of what it costs, and pytest rewrites every test again in every worker.
unexport PYTHONDONTWRITEBYTECODE

# Where the system has certificates, uv uses them, as pip does: behind a company's proxy no others work.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS ?= true
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test campaign bench cover check style types contracts surface fmt clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(STAMP) ## a conversation over simulated vendors, on the service; ARGS=--once to end by itself
	@$(BIN)/gateway demo $(ARGS)

test: $(STAMP) ## all tests; ARGS='-k word' to choose
	@$(BIN)/pytest -q -n auto --dist worksteal $(ARGS)

campaign: $(STAMP) ## the crash tests, a storm of webhooks and the stores' model in full size; SEED=n SENDS=n STORM=n EXAMPLES=n for another run
	@CAMPAIGN=1 STORM=$(or $(STORM),10000) EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/pytest -q -s -o faulthandler_timeout=0 \
	    tests/crash tests/flow/test_storm.py tests/flow/test_store_model.py $(ARGS)

bench: $(STAMP) ## how fast it is, in ratios, against targets; ARGS='--strict send-memory' to choose
	@$(BIN)/python -m benchmarks $(ARGS)

cover: $(STAMP) ## all tests, and the lines they do not reach
	@$(BIN)/pytest -q -n auto --dist worksteal --cov --cov-report=term $(ARGS)

check: style types contracts surface ## all that can be said without running: style, types, imports, public surface

style: $(STAMP) ## ruff: rules and format
	@echo "style"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check || { echo "hint: make fmt"; exit 1; }

types: $(STAMP) ## mypy, strict, tests included
	@echo "types"
	@MYPYPATH="$$(echo $(SOURCES) | tr ' ' ':')" $(BIN)/mypy --no-error-summary $(SOURCES) $(TESTS) $(SCRIPTS) benchmarks

contracts: $(STAMP) ## import-linter: who may import whom
	@echo "contracts"
	@out="$$($(BIN)/lint-imports 2>&1)" || { \
	    case "$$out" in *"Broken contracts"*) echo "$$out" | sed -n '/^Broken contracts/,$$p' ;; *) echo "$$out" ;; esac; \
	    exit 1; }

# pyright looks at the installed package, through the first `python` on the path. Of its errors, those that only follow
# from others ("partially unknown") are left out.
surface: $(STAMP) ## pyright: every public name of the package has a complete type
	@echo "surface"
	@out="$$(PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes gateway --ignoreexternal 2>&1)" || { \
	    echo "$$out" | awk '/ - error: / { show = !/partially unknown/ } /^[^ ]/ || /^   [^ ]/ { show = 0 } show'; \
	    echo "$$out" | grep -E 'No py.typed|^Type completeness' || echo "$$out"; \
	    exit 1; }

fmt: $(STAMP) ## rewrite the files as `style` wants them
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format --quiet

clean: ## remove what make and the tools made
	@rm -rf .venv $(TOOLS) .coverage .coverage.* htmlcov dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find benchmarks docs examples providers src tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

setup: $(STAMP) ## only set up .venv

# The stamp holds the list of project files: when a folder came or went, the list differs and the sync runs again.
ifneq ($(PROJECTS),$(shell cat $(STAMP) 2>/dev/null))
.PHONY: $(STAMP)
endif

$(STAMP): $(PROJECTS) $(UV_STAMP)
	@echo "setting up .venv"
	@$(UV) sync --quiet --all-packages --python $(TOOLS)/bin/python
	@echo $(PROJECTS) > $@

$(UV_STAMP):
	@found=; \
	for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "error: Python 3.11 or newer is needed; found: $$(python3 --version 2>&1)" >&2; \
	    echo "hint: install one, or say where it is: make PYTHON=/path/to/python3.12 …" >&2; \
	    exit 1; \
	fi; \
	echo "setting up $(TOOLS) with uv $(UV_VERSION)"; \
	rm -rf $(TOOLS); \
	if ! "$$found" -m venv $(TOOLS); then \
	    echo "hint: on Debian and Ubuntu this needs: apt-get install python3-venv" >&2; \
	    exit 1; \
	fi; \
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
