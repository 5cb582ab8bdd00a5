# Targets for developers.
#
#   make            build ./mailstrata
#   make test       all tests, with real servers and, where there is something to watch, the race detector: what CI runs
#   make test-fast  the same without the race detector; skips servers that are not installed
#   make servers    build the servers that the tests need into .testbed/bin (MinIO takes some minutes, once)
#   make fuzz       every fuzz target for FUZZTIME (10s)
#   make demo       back up and restore sample mail, offline
#   make dist       build a release of the current commit into dist/: programs, packages, checksums (see release/doc.go)
#   make site       make the site of the documentation, in dist/site (see site/doc.go)
#   make bench      measure beside mbsync and restic, with BENCH='--maildir PATH --latency 50ms' (see bench/doc.go)

GO       ?= go
MODULE   := github.com/mailstrata/mailstrata
FUZZTIME ?= 10s

# Everything is built as a release is, without C and without paths, and so compiled once: for vet, staticcheck, the servers,
# the program that tests run, and the release that a test makes. Only the race detector needs C, and a build of its own.
export CGO_ENABLED ?= 0
export GOFLAGS     := $(shell $(GO) env GOFLAGS) -trimpath

BIN      := .testbed/bin
SERVERS  := $(BIN)/minio $(BIN)/versitygw $(BIN)/mox $(BIN)/age $(BIN)/kubeapi $(BIN)/nfpm

# Packages whose tests start no goroutine: the race detector has nothing to watch there. internal/lint checks that it is so.
SEQUENTIAL := archive/loss backup/compare backup/identity fulltext/words imap/internal/fingerprint \
              imap/internal/properties imap/internal/wire internal/canonical internal/day internal/header internal/hostile \
              internal/lineend internal/lint internal/mailfile internal/man internal/percent internal/plaintext internal/printable \
              internal/removal internal/safename internal/zipstream mail mail/charset mail/document mail/entity \
              mail/safehtml manifest manifest/history mbox release repo/store serve/internal/address serve/internal/command serve/page/chart

# internal/e2e runs the program as it is shipped. The detector would watch the tests themselves, and the servers in them that
# send more than they should, as those in imap/internal/floods do.
OUTSIDE := internal/e2e imap/internal/floods

# The others. Those that take longest come first, so that none of them is alone at the end.
LONGEST := repo imap/imapsource backup cmd/mailstrata archive
OTHERS   = $(filter-out $(addprefix $(MODULE)/,$(SEQUENTIAL) $(OUTSIDE) $(LONGEST)),$(shell $(GO) list ./...))

# Tests wait for servers and for time-outs, so one package more than there are processors is tested at once. More than that is
# too much for the tests in internal/e2e in which hosts work against each other: they get little done in their time.
AT_ONCE  = $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 1)))

# Packages that only compute are built without the race detector: compressing, cutting, deriving keys and compiling PDFium take
# twenty times as long with it. Packages that use sync.Map, as CBOR and the rest of wazero, are not in the list, because the
# linker keeps one copy of generic code. If that were the copy without the detector, every other user of sync.Map
# (encoding/json) would seem to race.
COMPUTES := github.com/klauspost/compress/... golang.org/x/crypto/... github.com/restic/chunker github.com/zeebo/blake3/... \
            filippo.io/... github.com/ncruces/go-sqlite3-wasm/... golang.org/x/text/... golang.org/x/net/html/... \
            github.com/mailstrata/mailstrata/fulltext/postings \
            $(addprefix github.com/tetratelabs/wazero/internal/engine/wazevo/,backend/... frontend ssa)
WATCHED  := $(foreach package,$(COMPUTES),-gcflags=$(package)=-race=false)

.PHONY: build test test-fast check servers packages fuzz demo dist site bench clean
.DELETE_ON_ERROR:

build:
	$(GO) build -o mailstrata ./cmd/mailstrata

test: export MAILSTRATA_REQUIRE_SERVERS = 1
test: packages servers check
	@failed=0; set -x; \
	$(GO) test -p $(AT_ONCE) -vet=off -timeout 20m $(addprefix ./,$(OUTSIDE) $(SEQUENTIAL)) || failed=1; \
	CGO_ENABLED=1 $(GO) test -p $(AT_ONCE) -race -vet=off -timeout 20m $(WATCHED) $(addprefix ./,$(LONGEST)) $(OTHERS) || failed=1; \
	exit $$failed

test-fast:
	$(GO) test ./...

# Formatting, vet, staticcheck, and the rules of internal/lint.
check: $(BIN)/staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(BIN)/staticcheck ./...
	$(GO) test -vet=off ./internal/lint

servers: $(SERVERS)

# Each server is the tool of a module in testbed, which pins its version. It is built again when the module changes. What of it
# hardly runs is compiled without optimization, which takes a third less.
SELDOM := k8s.io/... github.com/minio/mc/... github.com/versity/versitygw/tests/... github.com/aws/aws-sdk-go-v2/service/iam

$(BIN)/%: testbed/%/go.mod testbed/%/go.sum
	@mkdir -p $(BIN)
	$(GO) -C testbed/$* build -ldflags="-s -w" $(foreach package,$(SELDOM),-gcflags="$(package)=-N -l") -o $(CURDIR)/$@ tool
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

site:
	$(GO) run ./site

bench: servers
	@testbed/packages mbsync=isync restic=restic notmuch=notmuch
	$(GO) run ./bench $(BENCH)

clean:
	rm -rf mailstrata dist .testbed
