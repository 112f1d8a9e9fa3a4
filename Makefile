# Every target works from a clean clone on Debian 12 with a Swift 6.3 toolchain and root: it installs
# the Debian packages that it needs (integration/install-packages; nothing where they are there).

SWIFT ?= swift
DESTDIR ?=
PREFIX ?= /usr/local
.DEFAULT_GOAL := help

.PHONY: help build test test-qemu reachability demo docs api-check lint bench install image clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## compile everything (debug)
	integration/install-packages build
	$(SWIFT) build

test: ## run all tests: the pure ones here, the others on a real kernel
	integration/install-packages build
	integration/install-packages lab
	$(SWIFT) build --build-tests
	integration/run-pure-tests
	integration/check-api
	integration/check-docs
	integration/lab --timeout 300 -- integration/smoke
	integration/run-lab-tests

test-qemu: ## run the tests that need several CPUs or nf_tables on the stock Debian kernel
	integration/install-packages build
	integration/install-packages qemu
	$(SWIFT) build --build-tests
	integration/run-lab-tests --ring qemu --filter "$${LAB_TEST_FILTER:-QemuRing|ContractKernelTests/(whatIs|oneBad|aSet)}" --timeout 600

reachability: ## write docs/reachability.md from a run in the lab
	integration/install-packages build
	integration/install-packages lab
	$(SWIFT) build --build-tests
	results=$$(mktemp -d) && integration/run-lab-tests --filter Reachability --results "$$results" \
		&& cp "$$results/reachability.md" docs/reachability.md && rm -r "$$results"

demo: ## show Services becoming load balancing on a node of namespaces
	integration/install-packages build
	integration/install-packages lab
	$(SWIFT) build
	@integration/lab --timeout 600 -- integration/demo

docs: ## build the library's documentation and tutorial
	integration/install-packages build
	$(SWIFT) build --target IPVS
	integration/check-docs

api-check: ## compare the library's public interface with docs/api/IPVS.txt
	integration/install-packages build
	$(SWIFT) build --target IPVS
	integration/check-api

lint: ## check the style of Swift and of shell scripts
	$(SWIFT) format lint --strict --recursive --parallel $(wildcard Package.swift Sources Tests examples integration Benchmarks)
	@command -v shellcheck >/dev/null || { echo "lint: shellcheck is missing: apt-get install shellcheck." >&2; exit 1; }
	shellcheck .ci/run $$(grep -lE '^#!/bin/(ba)?sh' -r integration)

# How long a run may take; 50,000 Services alone need minutes in a user-mode Linux.
BENCH_TIMEOUT ?= 7200
# More options of the benchmark itself: see Benchmarks/.build/release/benchmark --help.
BENCH_OPTIONS ?=
bench: ## measure in the lab (SCENARIO=programming|restart|idle|load|changes|probes|kubernetes|listing|deaths, BENCH_QUICK=1; docs/performance.md)
	@integration/install-packages build
	@integration/install-packages lab
	@$(SWIFT) build -c release --product ipvs-agent >&2
	@$(SWIFT) build -c release --product probe-load >&2
	@$(SWIFT) build -c release --product lab-apiserver >&2
	@$(SWIFT) build -c release --product ipvsctl >&2
	@$(SWIFT) build -c release --package-path Benchmarks >&2
	@$(MAKE) --no-print-directory -C Benchmarks/Floors >&2
	@$(if $(filter-out deaths,$(SCENARIO)),,integration/install-packages bench)
	@$(MAKE) --no-print-directory -C Benchmarks/Deaths >&2
	@# A user-mode Linux maps each page of the guest by itself, on the machine that runs it.
	@[ "$$(cat /proc/sys/vm/max_map_count)" -ge 1000000 ] || echo "bench: vm.max_map_count is $$(cat /proc/sys/vm/max_map_count): 50,000" \
		"Services in a user-mode Linux need more: sysctl -w vm.max_map_count=1000000, or smaller BENCH_OPTIONS='--sizes 10,1000,10000'" >&2
	@# Probes go over this machine's loopback, everything else to the laboratory's kernel; the rows make one table.
	@$(if $(filter-out probes,$(SCENARIO)),,Benchmarks/.build/release/benchmark --agent unused --floor unused --scenario probes \
		--probe-load "$$($(SWIFT) build -c release --show-bin-path)/probe-load" $(if $(BENCH_QUICK),--probe-seconds 5) $(BENCH_OPTIONS))
	@$(if $(filter probes,$(SCENARIO)),,integration/lab --ring $${BENCH_RING:-auto} --memory $${BENCH_MEMORY:-6000} --timeout $(BENCH_TIMEOUT) -- \
		Benchmarks/.build/release/benchmark --agent "$$($(SWIFT) build -c release --show-bin-path)/ipvs-agent" \
		--control "$$($(SWIFT) build -c release --show-bin-path)/ipvsctl" \
		--api-server "$$($(SWIFT) build -c release --show-bin-path)/lab-apiserver" \
		--deaths-program Benchmarks/Deaths/deaths --floor Benchmarks/Floors/floor \
		$(if $(SCENARIO),--scenario $(SCENARIO),--without-head) \
		$(if $(BENCH_QUICK),--runs 1 --idle-seconds 10 --load-seconds 20 --changes 50 --deaths 20 --sizes 10$(,)1000$(,)10000) $(BENCH_OPTIONS))

# A comma that does not part a function's arguments.
, := ,

install: ## compile for release and install below $(PREFIX)
	integration/install-packages build
	$(SWIFT) build -c release --product ipvs-agent
	$(SWIFT) build -c release --product ipvsctl
	install -D -m 755 .build/release/ipvs-agent "$(DESTDIR)$(PREFIX)/sbin/ipvs-agent"
	install -D -m 755 .build/release/ipvsctl "$(DESTDIR)$(PREFIX)/bin/ipvsctl"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
		"$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	.build/release/ipvsctl manual "$(DESTDIR)$(PREFIX)/share/man/man1"
	.build/release/ipvsctl completions bash > "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ipvsctl"
	.build/release/ipvsctl completions zsh > "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_ipvsctl"
	.build/release/ipvsctl completions fish > "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/ipvsctl.fish"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system"
	sed 's|/usr/local/sbin/|$(PREFIX)/sbin/|' packaging/ipvs-agent.service > "$(DESTDIR)$(PREFIX)/lib/systemd/system/ipvs-agent.service"
	chmod 644 "$(DESTDIR)$(PREFIX)/lib/systemd/system/ipvs-agent.service"
	@echo "Next: settings in /etc/ipvs-agent/config.yaml (examples/config.yaml), then: systemctl daemon-reload && systemctl enable --now ipvs-agent"

image: ## write a container's root file system to .build/image/root, and an image of it beside (packaging/Dockerfile packs the same)
	integration/install-packages build
	integration/install-packages image
	$(SWIFT) build -c release --product ipvs-agent
	$(SWIFT) build -c release --product ipvsctl
	rm -rf .build/image
	packaging/make-image --programs "$$($(SWIFT) build -c release --show-bin-path)" --archive .build/image/ipvs-agent.tar .build/image/root
	@echo "Next: docker load < .build/image/ipvs-agent.tar, or docker build -f packaging/Dockerfile .build/image/root"

clean: ## remove what was built
	rm -rf .build Benchmarks/.build
	$(MAKE) --no-print-directory -C Benchmarks/Floors clean
	$(MAKE) --no-print-directory -C Benchmarks/Deaths clean
