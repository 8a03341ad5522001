# The menu: `make` or `make help`. Every target sets the environment up first, which is a no-op when nothing changed.
.DEFAULT_GOAL := help
# No target is a file.
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' Makefile)

.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
IMAGE ?= dayone:0.1.0

# TensorFlow Recommenders needs Keras 2, and TensorFlow looks at this when it is imported; the second silences its C++ chatter.
export TF_USE_LEGACY_KERAS := 1
export TF_CPP_MIN_LOG_LEVEL := 3

help: ## show this menu
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

setup: ## make .venv from the lock (once; about 3 GB)
	@$(PYTHON) setup_environment.py

run: setup ## run the pipeline to a verdict; options: make run ARGS="--launch movielens -v"
	@$(BIN)/python -m pipeline run $(ARGS)

serve: setup ## serve the pushed version over HTTP; options: make serve ARGS="--port 8600 --explore 0.05"
	@$(BIN)/python -m pipeline serve $(ARGS)

bench-serving: setup ## measure the local server (about five minutes; ARGS="--storm": versions are pushed under load, two and a half)
	@$(BIN)/python tests/bench/bench_serving.py $(ARGS)

bench-ingest: setup ## measure our ExampleGen beside those of TFX (about a quarter of an hour; ARGS="--rows 100000" takes three minutes)
	@$(BIN)/python tests/bench/bench_ingest.py $(ARGS)

bench-evaluation: setup ## measure how fast the evaluation ranks, beside TFRS's FactorizedTopK (about a minute)
	@$(BIN)/python tests/bench/bench_evaluation.py $(ARGS)

bench-scale: setup ## measure Rules, Trainer and evaluation as the log grows (five minutes; ARGS="--events 5000000" takes twenty)
	@$(BIN)/python tests/bench/bench_scale.py $(ARGS)

bench-quality: setup ## our rules and model beside EASE, iALS, item-kNN and the TFRS tutorial; needs ARGS="--data FOLDER" (docs/quality.md)
	@$(BIN)/python tests/bench/bench_quality.py $(ARGS)

bench-sample: setup ## new items and the ranking head, judged by the truth of generated samples (about five minutes)
	@$(BIN)/python tests/bench/bench_sample.py $(ARGS)

sample: setup ## make the sample log alone; options: make sample ARGS="--help"
	@$(BIN)/python data/generate.py $(ARGS)

test: setup ## all tests: light, TensorFlow, then the pipeline end to end
	$(BIN)/python -m pytest $(ARGS)

test-light: setup ## only the tests that need no TensorFlow (seconds)
	$(BIN)/python -m pytest --lane light $(ARGS)

test-tensorflow: setup ## only the tests with TensorFlow, without the pipeline end to end
	$(BIN)/python -m pytest --lane tensorflow $(ARGS)

test-slow: setup ## only the tests of the pipeline end to end
	$(BIN)/python -m pytest --lane slow $(ARGS)

test-containers: setup image ## the compiled pipeline in containers, held to what it should be (minutes; needs docker; in no other lane)
	$(BIN)/python -m pytest --lane containers --image $(IMAGE)

reference: setup ## write docs/declaration.md from the docstrings: every field, and the steps that read it
	@$(BIN)/python -m pipeline.reference

lint: setup ## ruff: rules and format; import-linter: the layers of the packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo

types: setup ## mypy
	$(BIN)/mypy

check: lint types test ## what CI runs: lint, types, all tests

image: ## build the container image
	docker build --file kubeflow/Dockerfile --target runtime --build-arg VERSION=$(lastword $(subst :, ,$(IMAGE))) --tag $(IMAGE) $(ARGS) .

kubeflow-local: image ## run the compiled pipeline on this machine, every step in a container of its own (minutes; needs docker and nothing else)
	@$(PYTHON) kubeflow/run_local.py --image $(IMAGE)

manifests: setup ## render and check the cluster's manifests; one of them: make manifests ARGS=tf-serving
	@$(BIN)/python tests/manifests.py $(ARGS)

clean: ## delete the environment and all caches; runs/ stays
	rm -rf .venv .uv .setup.lock .setup.log build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
