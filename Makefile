# `make` alone says what there is.
.DEFAULT_GOAL := help
.SUFFIXES:
SHELL := /bin/bash

VERSION ?= dev
ARCH    ?= $(shell go env GOARCH)
OUT     := build/$(ARCH)
GOBUILD := CGO_ENABLED=0 GOARCH=$(ARCH) go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

binaries: ## build/<arch>/{pause,supervisor}, static
	$(GOBUILD) -o $(OUT)/pause ./cmd/pause
	$(GOBUILD) -o $(OUT)/supervisor ./cmd/supervisor

images: binaries ## podlike/pause:dev and podlike/supervisor:dev
	docker build -q -f Dockerfile.pause      -t podlike/pause:$(VERSION)      $(OUT)
	docker build -q -f Dockerfile.supervisor -t podlike/supervisor:$(VERSION) $(OUT)

testkit: ## podlike/testkit:dev, what test components run
	$(GOBUILD) -o $(OUT)/testkit ./test/testkit
	docker build -q -f test/testkit/Dockerfile -t podlike/testkit:dev $(OUT)

.PHONY: help binaries images testkit
