# Spotter's commands. `make run` and `make test` set up what they need in .venv.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin

.PHONY: run test test-load test-kit check install install-test install-fetch install-kit lambda-zip bench fuzz lock audit sbom clean

run: install ## Serve on PORT (8000)
	@HOST=$(HOST) PORT=$(PORT) $(BIN)/python -m app

test: install-test ## Every test that needs no torch and no machine to itself
	$(BIN)/python -m pytest -m "not kit and not load" $(PYTEST)

test-load: install-test ## Overload, slow clients and the soak, on a machine with nothing else to do
	$(BIN)/python -m pytest -m load $(PYTEST)

test-kit: install-kit ## The tests of training and exporting
	$(BIN)/python -m pytest -m kit $(PYTEST)

check: install-test ## Formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

install: .venv/.run
install-test: .venv/.test
install-fetch: .venv/.fetch
install-kit: .venv/.kit

# ARCHITECTURE (arm64, x86_64), PYTHON_VERSION (3.12, ...), MODEL and EXTRAS (heif) change what is in it.
ARCHITECTURE ?= arm64
PYTHON_VERSION ?= 3.13
MODEL ?= models/default.onnx
EXTRAS ?=
lambda-zip: install ## What serverless.yml deploys: dist/lambda-ARCHITECTURE.zip
	$(BIN)/python -m deploy.lambda_zip --architecture $(ARCHITECTURE) --python $(PYTHON_VERSION) \
		--model $(MODEL) --extras "$(EXTRAS)"

# BENCH="--quick" and the like; "--others PYTHON" names an environment with Ultralytics, say.
BENCH ?=
bench: .venv/.bench ## Spotter beside other servers: a table, and dist/benchmark/benchmark.png
	$(BIN)/python -m benchmarks --others .venv/bench/bin/python $(BENCH)

# SEED, COUNT and REQUESTS tell which; what is found goes to dist/fuzz.
SEED ?= 1
COUNT ?= 100000
REQUESTS ?= 20000
fuzz: install-test ## Bent images by the ten thousands, and what they cost; and bent requests
	$(BIN)/python -m tests.hostile.fuzz --seed $(SEED) --count $(COUNT) --requests $(REQUESTS)

# UPGRADE=--upgrade takes the newest versions; else those that are locked stay.
lock: .venv/.supply ## Versions and hashes of what is deployed, in deploy/locks, from pyproject.toml
	$(BIN)/python -m deploy.relock $(UPGRADE)

audit: .venv/.supply ## What is known against the locked versions
	$(BIN)/python -m deploy.audit

sbom: .venv/.supply ## What is in the container and in the zip, as CycloneDX: dist/sbom-*.json
	$(BIN)/python -m deploy.sbom

clean:
	rm -rf .venv

.venv/.venv:
	@$(PYTHON) -c 'import sys; sys.exit("Spotter needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo 'Setting up .venv ...'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.venv pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@# Bytecode, for starts that may write none.
	@$(BIN)/python -m compileall -q app
	@touch $@

.venv/.test: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@# Beside the rest: a server from this .venv stays one without HEIC.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/heif pi-heif
	@touch $@

.venv/.supply: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[supply]'
	@touch $@

.venv/.bench: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[models]'
	@# Apart: what LitServe brings would change how uvicorn serves.
	@$(PYTHON) -m venv .venv/bench
	@.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

.venv/.fetch: .venv/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fetch]'
	@touch $@

# Where there is no accelerator TORCH="torch --index-url ..." brings the smaller CPU build.
TORCH ?= torch
EXPORT ?= --editable '.[export]'
.venv/.kit: .venv/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[models,train]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EXPORT)
	@touch $@
