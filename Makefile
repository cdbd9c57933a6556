.PHONY: help test test-django lint fuzz servers torture torture-selfcheck bench bench-quick bench-scale bench-soak

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

FOR = 1m
torture: ## look for lost and revived sessions while connections and processes die; ENGINE=cached FOR=1m
	@scripts/with-servers go -C torture run . -for=$(FOR) -engine='$(ENGINE)'

torture-selfcheck: ## the same with stores that are broken on purpose, each of which must be found
	@go -C torture run . -selfcheck -for=5s

ROUNDS = 15
SLICE = 100ms
SOAK = 30m
SCALE = 10000000
benchmark = scripts/install-packages gcc libc6-dev python3-django python3-psycopg2 && scripts/with-servers go -C bench run .

bench: ## measure beside the peers, write bench/RESULTS.md and its plots; ROUNDS=15 SLICE=100ms
	@$(benchmark) run -rounds=$(ROUNDS) -slice=$(SLICE)

bench-quick: ## the same in less than ten minutes, printed only
	@$(benchmark) run -rounds=3 -slice=100ms -cleaning=200000 -print

bench-scale: ## loads, saves and ClearExpired with SCALE (10000000) rows
	@$(benchmark) scale -rows=$(SCALE)

bench-soak: ## requests over sockets for SOAK (30m)
	@$(benchmark) soak -duration=$(SOAK)
