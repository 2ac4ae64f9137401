# What one does here, a line each: make help.
.DEFAULT_GOAL := help
GO ?= go
TOOL = $(GO) tool -modfile=tools/go.mod
# Where a benchmark runs; narrow it with BENCH=Token.
BENCH ?= .

.PHONY: help build run test lint bench e2e faults conformance fuzz generate packages

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the one static binary, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags=-s -o bin/gatehouse ./cmd/gatehouse

run: ## the main job on an embedded store that is thrown away
	$(GO) run ./cmd/gatehouse demo

test: packages ## every test, on SQLite and PostgreSQL, with a real browser
	test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) test -race -timeout 20m ./...

e2e: packages ## the black-box tests alone
	$(GO) test -timeout 20m -count 1 ./test/e2e/...

# make conformance UPDATE=-update writes docs/conformance.md anew.
conformance: ## OAuth and OpenID Connect clients from Go and npm, and the table of what they can do
	if command -v npm >/dev/null; then cd test/conformance/node && npm ci; else echo "npm is not installed: the clients from npm are skipped"; fi
	cd test/conformance && test -z "$$(gofmt -l . | tee /dev/stderr)" && $(GO) vet ./... && $(GO) test -count 1 $(UPDATE)

lint: ## staticcheck and the list in .golangci.yml
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

bench: ## CPU time per request, beside the floor of each figure and beside nginx
	@./test/packages.sh bench
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m ./test/bench/ ./internal/gateway/ ./internal/token/

# GATEHOUSE_SOAK=60m make faults soaks for an hour instead of a minute.
faults: packages ## killed, flooded, failed over: a table of what was lost
	cd test/faults && $(GO) test -tags faults -timeout 3h -count 1

fuzz: ## every parser, 30 seconds each
	./test/fuzz.sh

generate: ## Go from queries (sqlc) and pages (templ), the list of common passwords, the pages of policies
	cd internal/db && CGO_ENABLED=0 $(GO) tool -modfile=../../tools/go.mod sqlc generate
	$(TOOL) templ generate -path internal
	cd tools && $(GO) run ./common > ../internal/organization/common.txt
	$(GO) test -count 1 -run TestPolicyPagesAreCurrent ./internal/gateway -update

packages: ## what the tests need, installed where it is missing and we may
	@./test/packages.sh
