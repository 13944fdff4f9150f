# The front door. CMake and Ninja do the work behind it; `make help` lists what there is.
BUILD := build
WEB   ?= 1
DATA  ?= $(CURDIR)/data
JOBS  ?= $(shell nproc)
# A line that counts the steps for a person who waits, nothing but failures for a log.
NINJA  = ninja -j $(JOBS) $(shell test -t 2 || echo --quiet)

CONFIGURE = cmake -S . -G Ninja -Wno-dev
RELEASE   = -DCMAKE_BUILD_TYPE=RelWithDebInfo -DKB_WEB=$(WEB)
SANITIZED = -DCMAKE_BUILD_TYPE=RelWithDebInfo -DKB_TESTS=ON -DKB_SANITIZE=address,undefined -DKB_WEB=$(WEB)

.PHONY: help run build test torture check dev bench soak kafka docs fuzz clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: ## install what is missing, build, open the cinema (FILMS=DIR: your films; LISTEN=HOST:PORT)
	@tools/run --check $(if $(FILMS),--films "$(FILMS)")
	@tools/setup build $(if $(filter 1,$(WEB)),web) run
	@$(MAKE) --no-print-directory release
	@tools/run --data "$(DATA)" $(if $(LISTEN),--listen "$(LISTEN)") $(if $(FILMS),--films "$(FILMS)")

build: ## leave the release program at build/kinobezdna (WEB=0: without Node)
	@tools/setup build $(if $(filter 1,$(WEB)),web)
	@$(MAKE) --no-print-directory release

.PHONY: release
release:
	@$(CONFIGURE) -B $(BUILD)/release $(RELEASE) > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@[ -e $(BUILD)/kinobezdna ] || echo "Building the program (a few minutes the first time)"
	@$(NINJA) -C $(BUILD)/release
	@ln -sf release/kinobezdna $(BUILD)/kinobezdna

test: ## everything there is to test (T=name: suites whose name contains it)
	@tools/setup build web run test
	@{ tools/setup kafka && tools/kafka/get; } || echo 'The tests that need Kafka are skipped.'
	@$(MAKE) --no-print-directory release WEB=1
	@$(CONFIGURE) -B $(BUILD)/test $(SANITIZED) > $(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }
	@$(NINJA) -C $(BUILD)/test
	@$(NINJA) -C $(BUILD)/release release_tests
	@tests/run $(BUILD) $(T)

torture: ## a fault in every call of the core scenarios, for hours; goes on where stopped (ONLY=write/sync)
	@tools/setup build web run test
	@$(MAKE) --no-print-directory release
	@$(NINJA) -C $(BUILD)/release torture_layer
	@KB_RELEASE=$(BUILD)/kinobezdna tests/torture/run full --jobs $(JOBS) --state $(BUILD)/torture/state --only "$(ONLY)"

check: ## format, lint, layers, TSan, a minute of each fuzz target
	@tools/setup build web run test check
	@tools/check $(BUILD)

dev: ## sanitizers, seeded data, rebuild and restart on save
	@tools/setup build web run dev
	@tools/dev $(BUILD)

bench: ## measure against nginx; writes build/bench.json
	@tools/setup build web run bench
	@$(MAKE) --no-print-directory release
	@tools/bench $(BUILD)

soak: ## half an hour of mixed load; fails when memory or descriptors grow (MINUTES=30)
	@tools/setup build web run bench
	@$(MAKE) --no-print-directory release
	@tools/soak $(BUILD) $(if $(MINUTES),$(MINUTES),30)

kafka: ## an Apache Kafka on loopback until Ctrl-C (N=3: a cluster of three brokers)
	@tools/setup build kafka
	@tools/kafka/get
	@$(CONFIGURE) -B $(BUILD)/test $(SANITIZED) > $(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }
	@$(NINJA) -C $(BUILD)/test kafka_server
	@exec $(BUILD)/test/tests/engines/kafka_server -n $(if $(N),$(N),1) --hold

docs: build ## write the generated documents anew
	@tools/docs $(BUILD)/kinobezdna
	@tools/third-party

fuzz: ## run one fuzz target: make fuzz F=json (SECONDS=60)
	@tools/setup build check
	@tools/fuzz $(BUILD) $(F)

clean: ## remove what was built (data stays)
	rm -rf $(BUILD)
