# The menu: `make` or `make help`. Every target sets the environment up first, which is a no-op when nothing changed.
.DEFAULT_GOAL := help
# No target is a file.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' Makefile)

.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin
UV = $(or $(shell command -v uv),.uv/bin/uv)
ARGS ?=
IMAGE ?= dayone:0.1.0

# TensorFlow Recommenders needs Keras 2, and TensorFlow looks at this when it is imported; the second silences its C++ chatter.
export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL := 3

help: ## show this menu
	@awk -F ':.*## ' '/^## / { printf "\n%s\n", substr($$0, 4) } /^[a-z-]+:.*## / { printf "  make %-17s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## The first hour
setup: ## make .venv from the lock (once; about 3 GB)
	@$(PYTHON) setup_environment.py

run: setup ## run the pipeline to a verdict; ARGS="--launch movielens -v"
	@$(BIN)/python -m pipeline run $(ARGS)

serve: setup ## serve the pushed version over HTTP; ARGS="--port 8600"
	@$(BIN)/python -m pipeline serve $(ARGS)

## Your own log
new: setup ## make your own project; ARGS="../mine --log FILE"
	@$(BIN)/python -m pipeline new $(ARGS)

loop: setup ## let runs learn from what `make serve` logs, once
	@$(BIN)/python -m pipeline loop $(ARGS)

validate: setup ## check in seconds whether declaration and log fit
	@$(BIN)/python -m pipeline validate $(ARGS)

schema: setup ## compare the log with its schema; ARGS="--accept"
	@$(BIN)/python -m pipeline schema $(ARGS)

history: setup ## list every verdict of a launch; ARGS="--launch NAME"
	@$(BIN)/python -m pipeline history $(ARGS)

tensorboard: setup ## losses and item vectors of the trainings, in a browser
	@# Of its own environment: TensorFlow 2.21 does not install it, and it needs a setuptools with `pkg_resources`.
	@$(UV) tool run --python $(BIN)/python --with 'setuptools<81' --from 'tensorboard>=2.20,<2.21' \
		tensorboard --logdir $${DAYONE_WORKSPACE:-runs} $(ARGS)

sample: setup ## make the sample log alone; ARGS="--help"
	@$(BIN)/python data/generate.py $(ARGS)

## Checks
check: lint types test ## what CI runs: lint, types, all tests

lint: setup ## ruff, rules and format; layers of the packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: setup ## mypy
	$(BIN)/mypy

test: setup ## all tests, two pieces at a time
	@$(BIN)/python tests/lanes.py $(ARGS)

test-light: setup ## only the tests that need no TensorFlow
	$(BIN)/python -m pytest --lane light $(ARGS)

test-tensorflow: setup ## only TensorFlow, without whole runs
	$(BIN)/python -m pytest --lane tensorflow $(ARGS)

test-slow: setup ## only the pipeline end to end
	$(BIN)/python -m pytest --lane slow $(ARGS)

test-clones: setup ## the light tests once more, in a clone of the project
	$(BIN)/python -m pytest --lane clones $(ARGS)

test-containers: setup image ## the compiled pipeline in containers (docker)
	$(BIN)/python -m pytest --lane containers --image $(IMAGE)

test-engines: setup ## Flink, Spark, Vespa, Postgres, Redis, C; 40 minutes
	UV_PROJECT_ENVIRONMENT=.venv-engines $(UV) sync --frozen --group engines --python $(BIN)/python
	.venv-engines/bin/python -m pytest --lane engines $(ARGS)

test-feast: setup ## Feast on real Redis and Postgres, on Python 3.11
	$(BIN)/python -m pytest --lane engines tests/engines/test_feast.py -rPs $(ARGS)

## Pages
reference: setup ## write docs/declaration.md, the fields and their steps
	@$(BIN)/python -m pipeline.reference

docs: setup ## write the pages as a site: build/site/index.html
	@$(BIN)/python docs/make_site.py

## Kubeflow
image: ## build the container image (docker)
	docker build --file kubeflow/Dockerfile --target runtime --build-arg VERSION=$(lastword $(subst :, ,$(IMAGE))) --tag $(IMAGE) $(ARGS) .

kubeflow-local: image ## run the compiled pipeline here, a container a step
	@$(PYTHON) kubeflow/run_local.py --image $(IMAGE)

manifests: setup ## render and check the manifests; ARGS=tf-serving
	@$(BIN)/python tests/manifests.py $(ARGS)

## Benches
bench-serving: setup ## the local server, 5 minutes; ARGS="--storm"
	@$(BIN)/python tests/bench/bench_serving.py $(ARGS)

bench-store: setup ## the server when its store of histories fails, 10 minutes
	@$(BIN)/python tests/bench/bench_store.py $(ARGS)

bench-surfaces: setup ## pages, filters, similar items, lists; after `make run`
	@$(BIN)/python tests/bench/bench_surfaces.py $(ARGS)

bench-ingest: setup ## our ExampleGen beside those of TFX, 15 minutes
	@$(BIN)/python tests/bench/bench_ingest.py $(ARGS)

bench-engines: setup ## ingest and statistics, here and on Flink, 40 minutes
	@$(BIN)/python tests/bench/bench_engines.py $(ARGS)

bench-cache: setup ## which steps an edit runs again, 10 minutes
	@$(BIN)/python tests/bench/bench_cache.py $(ARGS)

bench-evaluation: setup ## ranking, beside TFRS's FactorizedTopK, 1 minute
	@$(BIN)/python tests/bench/bench_evaluation.py $(ARGS)

bench-scale: setup ## every step as the log grows, 20 minutes; ARGS="--help"
	@$(BIN)/python tests/bench/bench_scale.py $(ARGS)

bench-strategies: setup ## training on several devices and workers, 10 minutes
	@$(BIN)/python tests/bench/bench_strategies.py $(ARGS)

bench-quality: setup ## rivals on public data; ARGS="--data FOLDER"
	@$(BIN)/python tests/bench/bench_quality.py $(ARGS)

bench-sample: setup ## judged by the truth of samples, 5 minutes
	@$(BIN)/python tests/bench/bench_sample.py $(ARGS)

bench-two-tower: setup ## docs/extend.md's own model beside ours, 10 minutes
	@$(BIN)/python tests/bench/bench_two_tower.py $(ARGS)

fuzz: setup ## hostile inputs at every border; ARGS="--seconds 60"
	@$(BIN)/python tests/bench/fuzz.py $(ARGS)

bench-launch: setup ## the experiment against known truth; ARGS=--quick
	@$(BIN)/python tests/bench/bench_launch.py $(ARGS)

bench-experiment: setup ## an experiment by day over HTTP, an hour
	@$(BIN)/python tests/bench/bench_experiment.py $(ARGS)

bench-off-policy: setup ## Open Bandit's ratios; ARGS="--data FOLDER"
	@$(BIN)/python tests/bench/bench_off_policy.py $(ARGS)

rehearsal: setup ## a launch rehearsed on the sample; ARGS=--quick
	@$(BIN)/python data/rehearsal.py $(ARGS)

day-zero: setup ## a launch from its first day on; ARGS=--quick
	@$(BIN)/python tests/bench/bench_day_zero.py $(ARGS)

bench-year: setup ## thirty daily runs, and `clean` after each
	@$(BIN)/python tests/bench/bench_year.py $(ARGS)

## The rest
clean: ## delete environment and caches; runs/ stays
	rm -rf .venv .venv-engines .uv .setup.lock .setup.log build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
