.PHONY: help test lint fuzz servers

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run all tests against real servers, which it starts and stops
	@scripts/with-servers scripts/test

lint: ## gofmt, go vet, staticcheck, govulncheck, shellcheck
	@scripts/lint

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@scripts/fuzz

servers: ## start the servers, print their addresses, stop them at Ctrl-C
	@scripts/with-servers
