# SPDX-License-Identifier: Apache-2.0
# Thin front end; `make help` lists the targets. Needs Python >= 3.10, a C++17 compiler and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PEERS := build/peers
PROMPT ?= Once upon a time
SEED ?= 2
PICTURE ?= pynq_driver/models/fashion-mnist-sample.png
BOARD ?= pynq-z2
MACHINE ?= language-model
DIM ?= 1024
# The last image of PYNQ-Z1 and -Z2 has 3.1; 4 dropped Zynq-7000 and is tested as a KV260.
PYNQ_VERSIONS := 3.0.1 3.1.2 4.0.0
BOARD_TESTS := tests/pynq_driver/board tests/pynq_driver/notebooks
# Carries the vendor's Apache-2.0 ap_types, the oracle of the shim tests; its own dependencies are
# not needed for that.
REFERENCE_HEADERS := hls4ml==1.3.0
BUILD_INPUTS := pyproject.toml CMakeLists.txt engine/CMakeLists.txt \
  $(filter-out engine/test/%,$(wildcard engine/*/*.[ch]pp engine/*/*/*.[ch]pp))

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-clients board overlay lint csim sanitize bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed ## set up, then stream a story and classify a garment with the embedded models
	@$(BIN)/tritforge generate "$(PROMPT)" --seed $(SEED)
	@echo
	@$(BIN)/tritforge classify --draw $(PICTURE)

test: $(VENV)/.installed-test ## set up, then run all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

test-slow: $(VENV)/.installed-test ## the longer tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow

test-clients: $(VENV)/.installed-test ## the server with litellm, langchain-openai and llm (410 MB)
	$(BIN)/python -m pip install --quiet --editable '.[test,clients]'
	$(BIN)/python -m pytest tests/pynq_driver/serving/test_clients.py

board: $(PYNQ_VERSIONS:%=build/pynq-%/.installed) ## the driver with PYNQ on the simulated board
	@for version in $(PYNQ_VERSIONS); do echo "pynq $$version"; \
	  build/pynq-$$version/bin/python -m pytest -m "slow or not slow" $(BOARD_TESTS) || exit 1; done

overlay: $(VENV)/.installed-rtl ## bitstream with Vivado: BOARD=pynq-z2 MACHINE=language-model DIM=1024
	$(BIN)/tritforge overlay --model $(MACHINE) --board $(BOARD) --dim $(DIM)

csim: $(VENV)/.installed-test ## C-simulation of the HLS units with ctest
	$(BIN)/cmake --preset csim -DPython_EXECUTABLE=$(abspath $(BIN)/python)
	$(BIN)/cmake --build --preset csim
	$(BIN)/ctest --preset csim

lint: $(VENV)/.installed-lint ## ruff, mypy, clang-format, codespell, prose
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.cpp' '*.hpp' '*.h' | xargs $(BIN)/clang-format --dry-run --Werror
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/python -m testing.prose

bench: $(VENV)/.installed-test $(PEERS)/.installed ## measure fidelity, and speed beside llama.cpp
	$(BIN)/python -m benchmarks.fidelity
	$(BIN)/python -m benchmarks.compare_peers --json build/bench/peers.json --plot build/bench/peers.svg
	$(BIN)/python -m benchmarks.decode_speed

clean: ## remove the environment and everything built
	rm -rf $(VENV) build

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Tritforge needs Python >= 3.10: set PYTHON=python3.12 or similar" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# An editable installation: Python files are used from this checkout, the engine is compiled.
$(VENV)/.installed: $(VENV)/bin/python $(BUILD_INPUTS)
	$(BIN)/python -m pip install --quiet --editable '.[vision]'
	@touch $@

$(VENV)/.installed-rtl: $(VENV)/bin/python $(BUILD_INPUTS)
	$(BIN)/python -m pip install --quiet --editable '.[rtl]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/bin/python $(BUILD_INPUTS)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(BIN)/python -m pip install --quiet --no-deps $(REFERENCE_HEADERS)
	@touch $@ $(VENV)/.installed

# The peers have an environment of their own; llama.cpp is compiled for this machine, which takes
# minutes. PyTorch takes part in the comparison if it is installed there too.
$(PEERS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	TRITFORGE_PURE_PYTHON=1 CMAKE_ARGS=-DGGML_NATIVE=ON $(PEERS)/bin/python -m pip install --quiet '.[peers]'
	@touch $@

# PYNQ's own needs: NumPy 1, pkg_resources of an older setuptools, pycparser 2.
build/pynq-%/.installed: pyproject.toml
	$(PYTHON) -m venv build/pynq-$*
	TRITFORGE_PURE_PYTHON=1 build/pynq-$*/bin/python -m pip install --quiet \
	  --editable '.[notebook,rtl,serve]' 'pynq==$*' 'numpy<2' 'pycparser<3' 'setuptools<81' \
	  httpx hypothesis pytest
	@touch $@

$(VENV)/.installed-lint: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	@touch $@
