.PHONY: help test test-django lint fuzz servers

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run all tests against real servers, which it starts and stops
	@scripts/with-servers scripts/test

test-django: ## run the tests with Django against the one in DJANGO=/path
	@scripts/with-servers scripts/test-django

lint: ## gofmt, go vet, staticcheck, govulncheck, shellcheck
	@scripts/lint

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@scripts/fuzz

servers: ## start the servers, print their addresses, stop them at Ctrl-C
	@scripts/with-servers
