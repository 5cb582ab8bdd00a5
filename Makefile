# mailstrata: what is done with it by hand.
#
#   make            build ./mailstrata
#   make test       everything, with the race detector and real servers: what CI runs
#   make test-fast  the same without the race detector; servers that are not there are skipped
#   make servers    build the servers of the tests into .testbed/bin (MinIO takes some minutes, once)
#   make fuzz       every fuzz target for FUZZTIME (10s)
#   make demo       the whole story, offline
#   make bench      measure beside mbsync and restic, with BENCH='--maildir PATH --rounds 5' (see bench/main.go)

GO       ?= go
FUZZTIME ?= 10s
BIN      := .testbed/bin
SERVERS  := $(BIN)/minio $(BIN)/versitygw $(BIN)/mox $(BIN)/age

# The race detector watches this program, and leaves alone what only computes: compressing, cutting and deriving keys take
# twenty times as long under it. GOFLAGS reaches the builds that tests start, too. Not CBOR: it uses sync.Map, and the linker
# keeps one copy of generic code; were it the unwatched one, all who use sync.Map (encoding/json) would seem to race.
COMPUTES := github.com/klauspost/compress/... golang.org/x/crypto/... github.com/restic/chunker github.com/zeebo/blake3/... \
            filippo.io/... github.com/mailstrata/mailstrata/internal/removal
WATCHED  := $(foreach package,$(COMPUTES),-gcflags=$(package)=-race=false)

.PHONY: build test test-fast check servers packages fuzz demo bench clean
.DELETE_ON_ERROR:

build:
	$(GO) build -trimpath -o mailstrata ./cmd/mailstrata

test: packages servers check
	GOFLAGS="$$($(GO) env GOFLAGS) $(WATCHED)" MAILSTRATA_REQUIRE_SERVERS=1 $(GO) test -race -vet=off -timeout 20m ./...

test-fast:
	$(GO) test ./...

# Formatting, vet and staticcheck.
check: $(BIN)/staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(BIN)/staticcheck ./...

servers: $(SERVERS)

# Each is the one tool of a module of its own, which pins it; it is built anew when the pins change.
$(BIN)/%: testbed/%/go.mod testbed/%/go.sum
	@mkdir -p $(BIN)
	$(GO) -C testbed/$* build -trimpath -ldflags="-s -w" -o $(CURDIR)/$@ tool
	@touch $@

# What the tests need of the system, and the race detector: a C compiler. Nothing is done where all is there.
packages:
	@testbed/packages

fuzz:
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

demo: build
	./mailstrata demo

bench: servers
	@testbed/packages mbsync=isync restic=restic
	$(GO) run ./bench $(BENCH)

clean:
	rm -rf mailstrata .testbed
