# make run    set up, build and start the development server
# make test   set up and run every test
# make package   build what is published, into dist/
# The rest are parts of these.

SHELL := /bin/bash
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: run test build web docs lint rust-lint rust-test deny web-lint e2e api-fuzz bench bench-network bench-sessions bench-turn bench-rest bench-idle bench-capacity bench-peers peers-test

TARGET := $(or $(CARGO_TARGET_DIR),target)
MADANG := $(TARGET)/release/madang

run: tools-run build
	@exec $(MADANG) dev

test: tools-test docs lint rust-test instructions deny e2e peers-test

lint: web-lint rust-lint layers

.PHONY: tools-run tools-test tools-package
tools-run tools-test tools-package: tools-%:
	@scripts/tools.sh $*

# The server embeds its pages and the script of virtual backgrounds, so these come first. What composes recordings is a program of its own, without which
# the server does everything else.
build: web
	cargo build --release --bins $$(pkg-config --exists gstreamer-video-1.0 2>/dev/null && echo --workspace)
	@scripts/strip.sh $(MADANG) $(TARGET)/release/madang-transcoder

# npm writes the hidden lock file when it installs: older than ours means out of date.
%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

CALL := web/call
COMPONENT := web/component
BACKGROUND := web/background
DASHBOARD := web/dashboard
SOURCES = $(shell find $(1)/src $(wildcard $(1)/public) -type f) $(wildcard $(1)/*.json $(1)/*.ts $(1)/*.mjs $(1)/*.html)

web: $(CALL)/dist/index.html $(COMPONENT)/dist/madang-call.js $(BACKGROUND)/dist/openvidu-virtual-background.js $(DASHBOARD)/dist/index.html

# The page is the component's source and a little around it.
$(CALL)/dist/index.html: $(CALL)/node_modules/.package-lock.json $(COMPONENT)/node_modules/.package-lock.json $(call SOURCES,$(CALL)) $(call SOURCES,$(COMPONENT))
	cd $(CALL) && npm run --silent build
	@touch $@

$(COMPONENT)/dist/madang-call.js: $(COMPONENT)/node_modules/.package-lock.json $(call SOURCES,$(COMPONENT))
	cd $(COMPONENT) && npm run --silent build
	@touch $@

$(BACKGROUND)/dist/openvidu-virtual-background.js: $(BACKGROUND)/node_modules/.package-lock.json $(call SOURCES,$(BACKGROUND))
	cd $(BACKGROUND) && npm run --silent build
	@touch $@

$(DASHBOARD)/dist/index.html: $(DASHBOARD)/node_modules/.package-lock.json $(call SOURCES,$(DASHBOARD))
	cd $(DASHBOARD) && npm run --silent build
	@touch $@

# The guides as pages, which the server embeds where they are: `make run` does not wait for them, since what makes them is compiled first.
GUIDES := web/guides
docs: $(GUIDES)/dist/en/index.html.gz

# Guides quote examples.
QUOTED = $(shell find examples \( -name node_modules -o -name dist -o -name target -o -name '.*' \) -prune -o -type f -print)
$(GUIDES)/dist/en/index.html.gz: scripts/mdbook.sh $(shell find docs -type f) $(QUOTED) $(wildcard $(GUIDES)/*.*) $(wildcard $(GUIDES)/theme/*/*)
	@mdbook="$$(scripts/mdbook.sh)" && node $(GUIDES)/build.mjs "$$mdbook"
	@touch $@

PAGES := $(CALL) $(COMPONENT) $(BACKGROUND) $(DASHBOARD)
web-lint: $(PAGES:%=%/node_modules/.package-lock.json) e2e/node_modules/.package-lock.json
	cd $(CALL) && npm run --silent lint
	cd $(COMPONENT) && npm run --silent lint
	cd $(BACKGROUND) && npm run --silent lint
	cd $(DASHBOARD) && npm run --silent lint && npm run --silent test
	cd e2e && ../$(CALL)/node_modules/.bin/biome check .
	cd web/doctor && ../call/node_modules/.bin/biome check .
	cd $(GUIDES) && ../call/node_modules/.bin/biome check .
	cd crates/webpage && ../../$(CALL)/node_modules/.bin/biome check src
	cd crates/server && ../../$(CALL)/node_modules/.bin/biome check src
	cd bench && ../$(CALL)/node_modules/.bin/biome check .
	cd packaging && ../$(CALL)/node_modules/.bin/biome check .
	cd examples && ../$(CALL)/node_modules/.bin/biome check .

rust-lint: web
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

# What stands on what: crates, and modules without circles.
.PHONY: layers
layers:
	node scripts/layers.mjs

# Always with the same cases where tests choose their own; `make properties` looks for others.
rust-test: web
	PROPTEST_RNG_SEED=1 cargo test --release --workspace

# What packets and joins cost, in instructions: more than is kept in the repository fails. `node scripts/instructions.mjs --write`
# keeps the new counts.
.PHONY: instructions
instructions: web
	node scripts/instructions.mjs

# Those tests with as many cases as one has time for, each time others.
.PHONY: properties
PROPTEST_CASES ?= 20000
properties: web
	PROPTEST_CASES=$(PROPTEST_CASES) cargo test --release --workspace

deny:
	@scripts/deny.sh

# Every parser of what strangers send, in turn, for so long each: with coverage, from the seeds on. What is found is in
# fuzz/artifacts, and becomes a seed once it is mended. Needs the nightly toolchain and cargo-fuzz.
.PHONY: fuzz
MINUTES ?= 10
TARGETS ?=
fuzz:
	@scripts/fuzz.sh $(MINUTES) $(TARGETS)

# Real browsers and unmodified clients against the real binary. One file: make e2e TESTS=tests/page.test.mjs
# What a failed test leaves open does not keep the rest from being run.
TESTS ?= $(patsubst e2e/%,%,$(wildcard e2e/tests/*.test.mjs e2e/network/*.test.mjs e2e/attacks/*.attack.mjs))
e2e: docs build e2e/node_modules/.package-lock.json
	cargo build --release --example faulty_server $$(pkg-config --exists gstreamer-video-1.0 2>/dev/null && echo --workspace)
	cd e2e && MADANG=$(abspath $(MADANG)) node --test --test-concurrency=1 --test-force-exit $(TESTS)

# Programs for x86-64 and arm64 and packages of them, in dist/ (docs/packages.md). Half an hour for each program on two busy cores.
.PHONY: package package-test
package: tools-package web docs
	packaging/package.sh

# All of them installed, started and taken away again; `make test` does so with packages of the program that is built anyway.
package-test: tools-test package e2e/node_modules/.package-lock.json
	cd e2e && PACKAGES=$(abspath dist) node --test --test-force-exit tests/packages.test.mjs

# All attacks with numbers that hurt, each beside a call; prints the table of docs/security.md. Takes minutes.
.PHONY: attack
ATTACKS ?= $(patsubst e2e/%,%,$(wildcard e2e/attacks/*.attack.mjs))
attack: build e2e/node_modules/.package-lock.json
	cd e2e && rm -f results/attacks.jsonl && ATTACK=full MADANG=$(abspath $(MADANG)) \
		node --test --test-concurrency=1 --test-force-exit $(ATTACKS) && node attacks/table.mjs

# The REST API against its own document, each time with other requests.
FUZZ_SECONDS ?= 300
api-fuzz: build e2e/node_modules/.package-lock.json
	cd e2e && MADANG=$(abspath $(MADANG)) API_FUZZ_SECONDS=$(FUZZ_SECONDS) node --test tests/api.test.mjs

# One recording after the other, individual and composed in turns; about ten minutes.
.PHONY: soak-recording
RECORDING_CYCLES ?= 1000
soak-recording: build e2e/node_modules/.package-lock.json
	cd e2e && MADANG=$(abspath $(MADANG)) RECORDING_CYCLES=$(RECORDING_CYCLES) node --test \
		--test-name-pattern='again and again' tests/recording.test.mjs

# Prints the figures of docs/benchmarks.md.
bench: build e2e/node_modules/.package-lock.json
	cd e2e && MADANG=$(abspath $(MADANG)) node bench/first-frame.mjs

# What live work costs, by its kind and the size of the picture; five minutes.
.PHONY: bench-jobs
bench-jobs:
	cargo test --release --workspace --test live costs -- --ignored --nocapture

# What a virtual background costs the browser, as docs/benchmarks.md has it; two minutes.
.PHONY: bench-background
bench-background: build e2e/node_modules/.package-lock.json
	cd e2e && MADANG=$(abspath $(MADANG)) node bench/virtual-background.mjs

# How smoothly the page at / shows rooms of 2, 6 and 12, as docs/benchmarks.md has it; two minutes.
.PHONY: bench-page
bench-page: build e2e/node_modules/.package-lock.json
	cd e2e && MADANG=$(abspath $(MADANG)) node bench/call-page.mjs

# Prints the table of docs/network.md: which way media takes in each network, and how long it takes to come. Needs root.
ROUNDS ?= 5
bench-network: build e2e/node_modules/.package-lock.json
	cd e2e && MADANG=$(abspath $(MADANG)) ROUNDS=$(ROUNDS) node --test network/matrix.test.mjs && cat results/network.md

# What recording does to a call, and how long recordings take to start; about three minutes. No browser and no Node needed.
.PHONY: bench-recording
bench-recording: build
	cargo run --release -p madang --example recorded_call

# Measurements by programs of their own, each with what it measures and how long it takes. No browser and no Node needed.
bench-sessions bench-turn bench-rest bench-idle bench-capacity:
	cargo build --release
	cargo run --release -p madang --example $(EXAMPLE) -- $(KEEP)

# What very many sessions cost; about two minutes.
bench-sessions: EXAMPLE := many_sessions
# What the relay costs for each datagram, through sockets; a minute.
bench-turn: EXAMPLE := relayed_datagrams
# What small reads by REST cost; a minute.
bench-rest: EXAMPLE := small_reads
# What participants cost who have joined and are silent; two minutes.
bench-idle: EXAMPLE := idle_participants
# Measures calls of several shapes and fits the model of `madang capacity` to them; a quarter of an hour. With KEEP=--write the
# measurements in the repository are replaced, against which the model is tested.
bench-capacity: EXAMPLE := capacity_shapes

# Janus, LiveKit and mediasoup beside Madang, in turns: the table of docs/benchmarks.md. Those that are not installed are left
# out; bench/peers/install.sh installs them. With the defaults 5 rounds of 4 scenarios and 5 servers, some 40 minutes.
PEERS ?=
SCENARIOS ?=
DURATION ?=
bench-peers: build
	MADANG=$(abspath $(MADANG)) ROUNDS=$(ROUNDS) PEERS="$(PEERS)" SCENARIOS="$(SCENARIOS)" DURATION=$(DURATION) \
		bench/peers/network.sh node bench/peers/run.mjs

# Whether the load test speaks with those of them that are installed; the others are skipped.
peers-test: build
	node --test bench/peers/figures.test.mjs
	@if bench/peers/network.sh true 2>/dev/null; then \
		MADANG=$(abspath $(MADANG)) bench/peers/network.sh node --test --test-concurrency=1 bench/peers/peers.test.mjs; \
	else echo "not tested: the drivers of peers, because this user may make no network of its own"; fi
