# Targets for developers.
#
#   make            build ./mailstrata
#   make test       all tests, with the race detector and real servers: what CI runs
#   make test-fast  the same without the race detector; skips servers that are not installed
#   make servers    build the servers that the tests need into .testbed/bin (MinIO takes some minutes, once)
#   make fuzz       every fuzz target for FUZZTIME (10s)
#   make demo       back up and restore sample mail, offline
#   make dist       build a release of the current commit into dist/: programs, packages, checksums (see release/doc.go)
#   make bench      measure beside mbsync and restic, with BENCH='--maildir PATH --latency 50ms' (see bench/doc.go)

GO       ?= go
FUZZTIME ?= 10s
BIN      := .testbed/bin
SERVERS  := $(BIN)/minio $(BIN)/versitygw $(BIN)/mox $(BIN)/age $(BIN)/kubeapi $(BIN)/nfpm

# Packages that only compute are built without the race detector: compressing, cutting and deriving keys take twenty times
# as long with it. GOFLAGS applies to the builds that tests start, too. CBOR is not in the list: it uses sync.Map, and the
# linker keeps one copy of generic code. If that were the copy without the detector, every other user of sync.Map
# (encoding/json) would seem to race.
COMPUTES := github.com/klauspost/compress/... golang.org/x/crypto/... github.com/restic/chunker github.com/zeebo/blake3/... \
            filippo.io/... github.com/ncruces/go-sqlite3-wasm/... golang.org/x/text/... golang.org/x/net/html/... \
            github.com/mailstrata/mailstrata/internal/removal
WATCHED  := $(foreach package,$(COMPUTES),-gcflags=$(package)=-race=false)

.PHONY: build test test-fast check servers packages fuzz demo dist bench clean
.DELETE_ON_ERROR:

build:
	$(GO) build -trimpath -o mailstrata ./cmd/mailstrata

test: packages servers check
	GOFLAGS="$$($(GO) env GOFLAGS) $(WATCHED)" MAILSTRATA_REQUIRE_SERVERS=1 $(GO) test -race -vet=off -timeout 20m ./...

test-fast:
	$(GO) test ./...

# Formatting, vet, staticcheck, and the rules of internal/lint.
check: $(BIN)/staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(BIN)/staticcheck ./...
	$(GO) test ./internal/lint

servers: $(SERVERS)

# Each server is the tool of a module in testbed, which pins its version. It is built again when the module changes.
$(BIN)/%: testbed/%/go.mod testbed/%/go.sum
	@mkdir -p $(BIN)
	$(GO) -C testbed/$* build -trimpath -ldflags="-s -w" -o $(CURDIR)/$@ tool
	@touch $@

$(BIN)/kubeapi: testbed/kubeapi/main.go
$(BIN)/minio: $(wildcard testbed/minio/without/*/*)

# Install what the tests need, including a C compiler for the race detector. Does nothing if everything is installed.
packages:
	@testbed/packages

fuzz:
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$package || exit 1; \
	  done; \
	done

demo: build
	./mailstrata demo

dist: $(BIN)/nfpm
	$(GO) run ./release

bench: servers
	@testbed/packages mbsync=isync restic=restic notmuch=notmuch
	$(GO) run ./bench $(BENCH)

clean:
	rm -rf mailstrata dist .testbed
