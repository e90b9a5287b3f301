# `make` alone says what there is.
.DEFAULT_GOAL := help
.SUFFIXES:
SHELL := /bin/bash -euo pipefail

VERSION  ?= dev
ARCH     ?= $(shell go env GOARCH)
FUZZTIME ?= 20s
ROUNDS   ?= 1000
SEED     ?=
ROUND    ?=
API      ?=

OUT     = build/$(ARCH)
GOBUILD = CGO_ENABLED=0 GOARCH=$(ARCH) go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

# $(call image,NAME,DOCKERFILE) puts an image of binaries that are in build/<arch> together,
# with a health check for the engine that there is, or for one with API=1.44.
define image
@api=$(API); go run ./deploy/image -f $(2) -t $(1) -arch $(ARCH) -api $${api:-$$(docker version -f '{{.Server.APIVersion}}')} $(OUT) | docker load -q >/dev/null
@echo "image $(1)"
endef

# $(call build,NAME,DOCKERFILE) has the engine's builder make an image of binaries that are in
# build/<arch>. It is heard only when it fails.
define build
@docker build -q --platform linux/$(ARCH) -f $(2) -t $(1) $(OUT) >$(OUT)/image.log 2>&1 || { cat $(OUT)/image.log >&2; exit 1; }
@echo "image $(1)"
endef

# $(call fuzz,NAMES,TIME) runs each fuzz test that one of the names|of|this|pattern is about, for
# that time. It ends with the first that fails. Go would take up to a minute to shorten what it
# has found, which is all the time that there may be for finding more.
define fuzz
@grep -rHoE '^func ($(1))\(' --include='*_test.go' . | while IFS=: read -r file func; do \
	func=$${func#func }; go test -run '^$$' -fuzz "^$${func%(}$$" -fuzztime $(2) -fuzzminimizetime 1s "$$(dirname "$$file")"; \
done
endef

EXAMPLE := deploy/examples/sidecar

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: images examples standins build/demo ## deploy the sidecar example here and show it (PORT=8080)
	@build/demo up $(EXAMPLE)

demo-down: need-go need-engine build/demo ## remove what `make demo` has deployed
	@build/demo down $(EXAMPLE)

# Package test takes longer than all others together, so that it is named first, and begins first.
# Package death starves and kills engines, which is no time for anybody else to time what one does.
# Package swarm is for `make test-swarm`.
test: need-gcc need-compose images testkit examples standins engines ## format, vet, every test with the race detector, a minute of fuzzing
	@unformatted=$$(gofmt -l cmd deploy internal test); test -z "$$unformatted" || { echo "not formatted: $$unformatted" >&2; exit 1; }
	go vet ./...
	@rm -f build/report.txt
	PODLIKE_TEST_REPORT=$(CURDIR)/build/report.txt go test -race -count=1 -timeout 45m ./test $$(go list ./... | grep -vE '/test/(death|swarm)$$')
	PODLIKE_TEST_REPORT=$(CURDIR)/build/report.txt go test -race -count=1 -timeout 30m ./test/death
	@cat build/report.txt
	$(call fuzz,FuzzLabels|FuzzCopy|FuzzInit|FuzzComposeFile|FuzzRead,12s)

test-swarm: need-gcc images testkit standins engines ## pods on a Swarm of three nodes: updates, drained nodes, killed engines, cut networks
	@rm -f build/swarm.txt
	PODLIKE_TEST_REPORT=$(CURDIR)/build/swarm.txt go test -race -count=1 -timeout 20m ./test/swarm
	@cat build/swarm.txt

# It notes in test/cgroup2/passed what has passed, for .ci/run: commit that.
test-cgroup2: need-go images testkit ## engines with cgroup v2, of systemd and of cgroupfs, each in a virtual machine: up to 20 minutes
	@test/cgroup2/run

swarm-up: images testkit standins engines ## a Swarm of three nodes to play with, each an engine in a container
	@go run ./test/swarm/playground up

swarm-down: need-go need-engine ## remove the Swarm that `make swarm-up` has made
	@go run ./test/swarm/playground down

# What go test says of a round comes when that is over, and not only at the end.
chaos: images testkit engines ## kill supervisors, pauses, components and engines at random (ROUNDS=1000, SEED=1; ROUND=7: that one alone)
	@rm -f build/report.txt
	PODLIKE_TEST_SEED=$(SEED) PODLIKE_TEST_ROUNDS=$(ROUNDS) PODLIKE_TEST_ROUND=$(ROUND) PODLIKE_TEST_REPORT=$(CURDIR)/build/report.txt \
		go test -race -v -count=1 -timeout 0 ./test/death | grep -v '^ *=== '
	@cat build/report.txt

fuzz: need-go ## every fuzz test in turn, FUZZTIME=20s each
	$(call fuzz,Fuzz\w+,$(FUZZTIME))

bench: images testkit ## measure pods, beside the goals; build/bench.json (BENCH="-only idle,log")
	CGO_ENABLED=0 go run ./test/bench -version $(VERSION) -out build/bench.json $(BENCH)

binaries: need-go ## build/<arch>/{pause,supervisor,healthcheck}, static (ARCH=arm64)
	@$(GOBUILD) -o $(OUT)/pause ./cmd/pause
	@$(GOBUILD) -o $(OUT)/supervisor ./cmd/supervisor
	@$(GOBUILD) -o $(OUT)/healthcheck ./cmd/healthcheck

images: need-engine binaries ## podlike/pause:dev and podlike/supervisor:dev
	$(call image,podlike/pause:$(VERSION),Dockerfile.pause)
	$(call image,podlike/supervisor:$(VERSION),Dockerfile.supervisor)

testkit: need-engine need-go ## podlike/testkit:dev, what test components run
	@$(GOBUILD) -o $(OUT)/testkit ./test/testkit
	$(call build,podlike/testkit:dev,test/testkit/Dockerfile)

examples: need-engine need-go ## podlike/example-app:dev, what examples run of ours
	@$(GOBUILD) -o $(OUT)/app ./$(EXAMPLE)/app
	$(call build,podlike/example-app:dev,$(EXAMPLE)/app/Dockerfile)

standins: need-engine ## images of others that examples run: there, pulled, or built from Debian's packages
	@deploy/standins/ensure nginx:1.22

engines: need-engine ## podlike/engine:20.10 and :26.1, which tests restart and kill
	@test/engine/mkimage 20.10
	@test/engine/mkimage 26.1

clean: ## remove build/
	rm -rf build

build/demo: need-go
	@go build -o $@ ./deploy/demo

need-%:
	@deploy/need $*

.PHONY: help demo demo-down test test-swarm test-cgroup2 swarm-up swarm-down chaos fuzz bench binaries images testkit examples standins engines clean build/demo
