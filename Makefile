# ticketetl. `make help` lists what there is to do; only Go is needed, except
# where a target says otherwise.
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN := bin/ticketetl
# SQLite is C in the clothes of Go: to ask of each of its pointers where it points to
# takes 40 % of what its tests take. What debuggers need is left out: nobody debugs these.
RACE := -race -gcflags=all=-dwarf=false '-gcflags=modernc.org/...=-dwarf=false -d=checkptr=0'
# Built as the program is, so that its packages are compiled once for both.
RUN := CGO_ENABLED=0 GOFLAGS="$(GOFLAGS) -trimpath" $(GO)
FUZZTIME ?= 20s
ROUNDS ?= 2000
SEED ?= 1
ROWS ?= 10000000
RUNS ?= 3
CONCURRENCY ?= 10
SEEDS ?= 20
TICKETS ?= 230000

.DEFAULT_GOAL := help
.PHONY: help build cross demo test test-race test-whole check format vet lint samples bench bench-large pace fuzz agree torture torture-large torture-export conformance conformance-files conformance-exports conformance-workbook clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/ticketetl, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/ticketetl

cross: ## build for the other systems that the program is for
	@set -e; for to in windows/amd64 windows/arm64 darwin/arm64 linux/arm64; do echo "$$to"; \
	  CGO_ENABLED=0 GOOS=$${to%/*} GOARCH=$${to#*/} $(GO) build -trimpath -o $(BIN)-$${to%/*}-$${to#*/} ./cmd/ticketetl; \
	done

demo: build ## import the samples into the sandbox account, export them again, compare
	$(RUN) run ./internal/demo -bin $(BIN)

test: ## run all tests: with the race detector, and beside that whole without it
	@# the tests wait a lot, for deaths, answers and disks, so both take turns
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line test-race test-whole

test-race: # vet is a target of its own; the package that takes longest begins first
	$(GO) test $(RACE) -vet=off -shuffle=on -parallel 4 -p 3 ./cmd/ticketetl ./...

test-whole: # what the race detector makes too slow to be tried as a whole (internal/raced)
	$(RUN) test -vet=off -parallel 8 ./internal/torture ./etl/extract ./etl/load ./internal/hubspot ./internal/journal ./internal/trust
	$(RUN) test -vet=off -parallel 8 -run 'TestCountedWork|TestMergeIsAFullExport|TestMergeKilledAnywhere|TestExportToAFullDisk|TestReadyMappings|TestChangesAreAllThatChanged|TestRoundTripProperty' ./cmd/ticketetl

check: format vet lint test ## what CI runs: format, vet, linters, race tests

format:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi

# Vet and staticcheck look at what the race tests have compiled, and with the tag at
# the tests that are not run with -race.
vet:
	$(GO) vet $(RACE) -tags=lint ./...

lint: # with the linters that go.mod names; `go tool` would compile all they need once more
	$(RUN) build -o bin/lint/ tool
	GOFLAGS="$(GOFLAGS) $(RACE) -tags=lint" bin/lint/staticcheck ./...
	bin/lint/depguard ./...

samples: ## write samples/ anew with its generator
	$(GO) run ./internal/samplegen/cmd -o samples

bench: build ## Go benchmarks, then whole processes over generated files beside their yardsticks (RUNS of each)
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./internal/bench -bin $(BIN) -runs $(RUNS) -rows 100000,1000000

bench-large: build ## check a file of ten million rows (ROWS), with a key and without: time and peak memory
	$(GO) run ./internal/bench -bin $(BIN) -only large -rows $(ROWS)

pace: build ## imports and exports under a limit of 190 requests in ten seconds, however they are counted (a quarter of an hour; CONCURRENCY, SEEDS)
	$(GO) run ./internal/bench/pace -bin $(BIN) -concurrency $(CONCURRENCY)
	$(GO) run ./internal/bench/pace -bin $(BIN) -concurrency $(CONCURRENCY) -export
	$(GO) test ./internal/hubspot -run TestSimulations -v -seeds $(SEEDS) -timeout 60m | grep ' use '

fuzz: ## run every fuzz target for FUZZTIME (default 20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
	  done; \
	done

agree: ## what validation says against the sandbox in 1,000 random accounts; one wrong cell in 10,000 rows
	$(GO) test ./internal/trust -run Agree -v -rapid.checks=1000 -rapid.nofailfile
	$(GO) test ./internal/trust -run OneWrongCell -v -rows 10000 -timeout 30m

torture: ## kill the program 2,000 times and more and compare the account with the file (ROUNDS, SEED)
	$(RUN) run ./internal/torture -rounds $(ROUNDS) -seed $(SEED) -parallel 6

torture-large: ## import a file of ten million rows (ROWS) in two attempts; memory, journal and time
	$(GO) run ./internal/torture -large $(ROWS)
	$(GO) run ./internal/torture -large $(ROWS) -key

torture-export: ## export a busy account of 230,000 tickets (TICKETS), killed three times on the way, and compare the file with what happened
	$(RUN) test ./cmd/ticketetl -run TestExportOfABusyAccount -v -tickets $(TICKETS) -timeout 60m

conformance: build ## drive the sandbox with the official npm client, and ticketetl against a strict stand-in; then conformance-files and conformance-exports (needs Node.js and the npm registry)
	TICKETETL=$(CURDIR)/$(BIN) ./conformance/run.sh
	./conformance/readers/run.sh
	TICKETETL=$(CURDIR)/$(BIN) ./conformance/exports/run.sh

conformance-files: ## only: read other projects' spreadsheets beside openpyxl, LibreOffice, Miller and excelize
	./conformance/readers/run.sh

conformance-exports: build ## only: have exports in every format read by Miller, openpyxl, LibreOffice, DuckDB and others, and compare each cell with the account
	TICKETETL=$(CURDIR)/$(BIN) ./conformance/exports/run.sh

PYTHON ?= python3
conformance-workbook: build ## compare marked-up workbooks with their originals, and edit editable ones (needs openpyxl and LibreOffice)
	$(PYTHON) conformance/workbook.py $(BIN)
	$(PYTHON) conformance/roundtrip.py $(BIN)

clean: ## remove what was built
	rm -rf bin demo bench-data
