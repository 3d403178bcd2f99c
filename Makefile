# Spotter's commands; `make help` lists them. Each sets up what it needs in .venv.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin

.PHONY: run help test test-load test-kit check install install-test install-openvino install-fetch install-models install-train install-export install-kit lambda-zip bench fuzz lock audit sbom clean

run: install ## Serve on PORT (8000) of HOST (127.0.0.1)
	@HOST=$(HOST) PORT=$(PORT) $(BIN)/python -m app

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '%-16s%s\n' "$$name" "$$text"; done

PYTEST ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test: install-test ## Run the tests; PYTEST="tests/vision -k nms" chooses some
	$(BIN)/python -m pytest -m "not kit and not load" $(PYTEST)

LOAD ?=
test-load: install-test ## Run the overload, slow client and soak tests; the machine must be idle
	$(BIN)/python -m pytest -m load $(LOAD)

KIT ?=
test-kit: install-kit ## Run the tests of training and exporting
	$(BIN)/python -m pytest -m kit $(KIT)

check: install-test ## Check formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

install: .venv/.run ## Set up what serving needs; PYTHON names an interpreter
install-test: .venv/.test ## Set up what the tests need
install-openvino: .venv/.openvino ## Set up ONNX Runtime with OpenVINO in .venv/openvino, for Linux on x86-64
install-fetch: .venv/.fetch ## Set up what models.fetch needs
install-models: .venv/.models ## Set up what adopt, inspect, evaluate, quantize, label, subset and fetch need
install-train: .venv/.train ## Set up PyTorch, for train and calibrate: the CPU build where there is no GPU
install-export: .venv/.export ## Set up Ultralytics (AGPL-3.0) besides, for export
install-kit: .venv/.kit ## Set up what all commands in models/ and their tests need

ARCHITECTURE ?= arm64
PYTHON_VERSION ?= 3.13
MODEL ?= models/default.onnx
EXTRAS ?=
lambda-zip: install ## Build dist/lambda-ARCHITECTURE.zip (arm64); also PYTHON_VERSION, MODEL, EXTRAS=heif
	$(BIN)/python -m deploy.lambda_zip --architecture $(ARCHITECTURE) --python $(PYTHON_VERSION) \
		--model $(MODEL) --extras "$(EXTRAS)"

BENCH ?=
bench: .venv/.bench ## Compare with other servers, in dist/benchmark; BENCH=--quick takes minutes
	$(BIN)/python -m benchmarks --others .venv/bench/bin/python $(BENCH)

SEED ?= 1
COUNT ?= 100000
REQUESTS ?= 20000
fuzz: install-test ## Send COUNT mutated images and REQUESTS requests from SEED; failures go to dist/fuzz
	$(BIN)/python -m tests.hostile.fuzz --seed $(SEED) --count $(COUNT) --requests $(REQUESTS)

lock: .venv/.supply ## Write deploy/locks from pyproject.toml; UPGRADE=--upgrade takes newer versions
	$(BIN)/python -m deploy.relock $(UPGRADE)

AUDIT ?=
audit: .venv/.supply ## Look for known vulnerabilities in the locked versions
	$(BIN)/python -m deploy.audit $(AUDIT)

sbom: .venv/.supply ## List the packages of the container and the zip as CycloneDX, in dist/sbom-*.json
	$(BIN)/python -m deploy.sbom

clean: ## Delete .venv
	rm -rf .venv

.venv/.venv:
	@$(PYTHON) -c 'import sys; sys.exit("Spotter needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo 'Setting up .venv ...'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.venv pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@# Compile now: later starts may run where they cannot write bytecode.
	@$(BIN)/python -m compileall -q app
	@touch $@

.venv/.test: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@# In a folder of its own, so that a server from this .venv still has no HEIC.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/heif pi-heif
	@# There is no build for other machines, nor for the newest Python.
	@[ "$$(uname -sm)" != 'Linux x86_64' ] || $(MAKE) --no-print-directory .venv/.openvino \
	  || echo 'Without OpenVINO: its tests are skipped.'
	@touch $@

# In a folder of its own: both builds of ONNX Runtime are one Python package.
.venv/.openvino: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/openvino 'onnxruntime-openvino>=1.24'
	@touch $@

.venv/.supply: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[supply]'
	@touch $@

.venv/.bench: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[models]'
	@# In an environment of its own: LitServe's dependencies would change how uvicorn serves.
	@$(PYTHON) -m venv .venv/bench
	@.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@[ "$$(uname -sm)" != 'Linux x86_64' ] || $(MAKE) --no-print-directory .venv/.openvino \
	  || echo 'Without OpenVINO: it is not measured.'
	@touch $@

.venv/.fetch: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fetch]'
	@touch $@

.venv/.models: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[models,fetch]'
	@touch $@

# uv looks for a GPU: without one, it takes the build for CPUs, which has no gigabytes of CUDA.
# TORCH="torch==2.8.0" or TORCH="torch --index-url ..." has pip install that instead.
TORCH ?=
.venv/.torch: .venv/.run
	@if [ -n "$(TORCH)" ]; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH); \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv && \
		$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --torch-backend auto torch \
		|| { echo 'PyTorch could not be installed. If its own index cannot be reached, name what pip has to install: make $(MAKECMDGOALS) TORCH=torch'; exit 1; }; \
	fi
	@touch $@

.venv/.train: .venv/.models .venv/.torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[models,train]'
	@touch $@

# Ultralytics needs a torchvision of the same build. EXPORT has pip install something else.
EXPORT ?=
.venv/.export: .venv/.train
	@if [ -n "$(EXPORT)" ]; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EXPORT); \
	elif [ -n "$(TORCH)" ]; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[export]'; \
	else \
		$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --torch-backend auto --editable '.[export]'; \
	fi
	@touch $@

.venv/.kit: .venv/.test .venv/.export
	@touch $@
