# Longshore: `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# npm installs a pinned Node 24 beside the tools; everything below runs on it.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# Which package-lock.json the installed packages belong to.
INSTALLED := node_modules/.installed-$(shell sha256sum package-lock.json | cut -c1-16)
# Tests to run, by their titles: make e2e T='A3|R18'
T ?=

# With METRICS=1, `make up` runs metrics-server too, for kubectl top.
export METRICS ?=

# Part of the local edge cloud: make stop PART=hub
PART ?=

# DeviceModels for make model-types, and the folder for what it writes.
MODEL ?=
OUT ?=

# Version of an installation package, and where to push it: make package VERSION=v1.24.0 PUSH=registry.example:5000/edge/package
VERSION ?=
PUSH ?=

.PHONY: help up down stop start kill test e2e bench verify generate model-types new-mapper build package fmt

help: ## Show this list
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

up: $(INSTALLED) ## Bring up a local edge cloud and show that it works (KUBECONFIG=… uses your cluster, METRICS=1 adds kubectl top)
	@node hack/up.ts

down: $(INSTALLED) ## Stop what `make up` started and remove every trace
	@node hack/down.ts

stop start kill: $(INSTALLED) ## One part of it, as in `make stop PART=hub`; kill is SIGKILL
	@node hack/part.ts $@ '$(PART)'

test: $(INSTALLED) ## Verify, then run every test; the last line is "N passed, N failed"
	@node hack/test.ts

e2e: $(INSTALLED) ## Run end-to-end tests, or with T='A3|R18' all tests whose title matches
	@node hack/test.ts --e2e --title='$(T)'

bench: $(INSTALLED) ## Measure cost and speed beside their bars (T='hub|pod' some, BENCH_OUT=FILE as JSON)
	@T='$(T)' node --conditions=source hack/bench/index.ts

verify: $(INSTALLED) ## Check generated files, format, lint, import rules and types
	@node hack/verify.ts

generate: $(INSTALLED) ## Write the generated files again
	@node hack/generate/index.ts

model-types: $(INSTALLED) ## Types and a JSON schema of a DeviceModel, for its mapper: MODEL=file.yaml [OUT=folder]
	@node hack/generate/model-types.ts '$(MODEL)' '$(OUT)'

new-mapper: $(INSTALLED) ## Write a mapper of your own to begin with (NAME=lamp-mapper, DIR=where, PROTOCOL=its protocolName)
	@NAME='$(NAME)' PROTOCOL='$(PROTOCOL)' DIR='$(DIR)' node hack/new-mapper.ts

build: $(INSTALLED) ## Bundle the programs into dist/
	@node hack/build.ts

package: $(INSTALLED) ## Make the package that a NodeUpgradeJob installs: VERSION=vX.Y.Z [PUSH=host:port/repository]
	@node hack/package/index.ts --version '$(VERSION)' --out dist/package $(if $(PUSH),--push '$(PUSH)')

fmt: $(INSTALLED) ## Format everything
	@prettier --write --log-level warn .

$(INSTALLED): package-lock.json
	@echo "▸ Install the packages of package-lock.json (npm ci)"
	@command -v npm >/dev/null || { echo "npm is missing: install Node 20 or newer (https://nodejs.org)" >&2; exit 1; }
	@npm ci --no-audit --no-fund --loglevel=error
	@node --version | grep -q '^v24\.' || { \
	  echo "✗ Node 24 was not installed with the packages: this is $$(node --version) at $$(command -v node)." >&2; \
	  echo "  → npm config get omit: it must not say 'optional' (the pinned Node is an optional package)." >&2; \
	  exit 1; }
	@touch $@
