# Castwright. `make` prints help. Plain GNU make; objects in build/<flavour>/; a flags stamp instead of `make clean`.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# $(value) keeps a dollar sign in a topic a dollar sign.
override TOPIC := $(value TOPIC)
export TOPIC
OUT ?=
MINUTES ?= 3
FLAVOUR ?= release
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/castwright
export CASTWRIGHT_MODELS ?= $(CACHE)/models

# ---- what a Debian 12 machine needs -----------------------------------------------------------------------------------

BUILD_PACKAGES := gcc g++ libc6-dev make cmake pkg-config libsndfile1-dev libfftw3-dev portaudio19-dev libespeak-ng-dev \
    espeak-ng-data libebur128-dev libsamplerate0-dev libjansson-dev libyaml-dev \
    libcurl4-openssl-dev libxml2-dev libpoppler-glib-dev libsodium-dev libpocketsphinx-dev pocketsphinx-en-us python3 python3-pip python3-venv ca-certificates $(if $(shell command -v npm),,npm)
TEST_PACKAGES := ffmpeg pulseaudio pulseaudio-utils libasound2-plugins
LINT_PACKAGES := clang-format clang-tidy clang libclang-rt-14-dev

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# The names of $(1) that dpkg does not know as installed; nothing to install: no apt call, no network.
define install_packages
	@missing=(); for p in $(1); do [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null || true)" = installed ] || missing+=($$p); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	    command -v apt-get >/dev/null || { echo "castwright: please install: $${missing[*]}" >&2; exit 1; }; \
	    if [ "$$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then \
	        echo "castwright: neither root nor sudo here; as root, run: apt-get install $${missing[*]}" >&2; exit 1; fi; \
	    echo "Installing system packages: $${missing[*]}"; \
	    $(SUDO) apt-get update -qq; \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $${missing[*]} >/dev/null; fi
endef

.PHONY: help deps deps-test deps-lint venv llama llama-server endpoint models models-test all episode test lint format sanitize sanitize-build bench fuzz fuzz-text clean

help: ## this help
	@echo 'Castwright: a topic in, a finished multi-speaker podcast episode out.'
	@echo
	@echo '  make episode TOPIC="Why the sea has tides"   installs, fetches, builds, makes an episode'
	@echo '  make test                                    installs, builds, passes the tests'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'Variables: TOPIC, OUT (folder), MINUTES, FLAVOUR (release, debug, asan, tsan), FILTER (of test names),'
	@echo '           CASTWRIGHT_MODELS (default ~/.cache/castwright/models)'

deps: ## installs the missing system packages (root or sudo)
	$(call install_packages,$(BUILD_PACKAGES))
deps-test: deps
	$(call install_packages,$(TEST_PACKAGES))
deps-lint:
	$(call install_packages,$(LINT_PACKAGES))

# ---- set-up: the converters' Python, llama.cpp's library; both kept in the cache folder and made once -------------------

CONVERT_SUM := $(shell cat models/convert/requirements.txt 2>/dev/null | sha256sum | cut -c1-12)
VENV := $(CACHE)/convert-$(CONVERT_SUM)
export CASTWRIGHT_PYTHON ?= $(VENV)/bin/python
venv: $(VENV)/.whole
$(VENV)/.whole: | deps
	@echo 'Setting up Python for the model converters'
	@rm -rf $(VENV) && mkdir -p $(CACHE) && python3 -m venv $(VENV)
	@$(VENV)/bin/pip install -qq --disable-pip-version-check -r models/convert/requirements.txt
	@touch $@

LLAMA_VERSION := 0.3.36
LLAMA_SHA256 := 832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
LLAMA_SUM := $(shell { echo $(LLAMA_SHA256); cat dialogue/build_llama.sh 2>/dev/null; } | sha256sum | cut -c1-12)
LLAMA := $(CACHE)/llama-$(LLAMA_VERSION)-$(LLAMA_SUM)
# The pinned source, checked, into $$work.
define fetch_llama
$(VENV)/bin/pip download -qq --disable-pip-version-check --no-deps --no-binary llama-cpp-python -d "$$work" llama-cpp-python==$(LLAMA_VERSION); \
sdist=$$(echo "$$work"/llama_cpp_python-*.tar.gz); \
found=$$(sha256sum "$$sdist" | cut -d' ' -f1); \
[ "$$found" = $(LLAMA_SHA256) ] || { echo "llama-cpp-python $(LLAMA_VERSION): expected sha256 $(LLAMA_SHA256), found $$found" >&2; exit 1; }; \
tar xzf "$$sdist" -C "$$work"
endef
llama: $(LLAMA)/.whole
$(LLAMA)/.whole: | deps venv
	@echo 'Fetching and building the language model library (once, some minutes)'
	@mkdir -p $(CACHE); work=$$(mktemp -d $(CACHE)/.llama.XXXXXX); trap 'rm -rf "$$work"' EXIT; \
	$(fetch_llama); \
	bash dialogue/build_llama.sh "$$(echo "$$work"/llama_cpp_python-*/vendor/llama.cpp)" "$$work/out"; \
	rm -rf $(LLAMA) && mv "$$work/out" $(LLAMA) && touch $@

# llama.cpp's own server: tests and benches of endpoints only.
LLAMA_SERVER := $(CACHE)/llama-server-$(LLAMA_VERSION)
llama-server: $(LLAMA_SERVER)/llama-server ## builds llama.cpp's own server, to test endpoints with (once, some minutes)
	@echo 'CASTWRIGHT_LLAMA_SERVER=$<'
$(LLAMA_SERVER)/llama-server: bench/build_llama_server.sh | deps venv
	@mkdir -p $(LLAMA_SERVER); work=$$(mktemp -d $(CACHE)/.llama.XXXXXX); trap 'rm -rf "$$work"' EXIT; \
	$(fetch_llama); \
	bash bench/build_llama_server.sh "$$(echo "$$work"/llama_cpp_python-*/vendor/llama.cpp)" $(LLAMA_SERVER)

# ---- build ---------------------------------------------------------------------------------------------------------------

ROOMS := base kernels models tts vocoder voices dialogue episode
LIB_SOURCES := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c))
CLI_SOURCES := $(wildcard cli/*.c)
TEST_SOURCES := tests/main.c tests/example.c $(wildcard tests/test_*.c)
BENCH_SOURCES := $(wildcard bench/*.c)
TRAIN_SOURCES := $(wildcard models/train/*.c)
FUZZ_SOURCES := $(wildcard tests/fuzz_*.c)

PKGS := sndfile fftw3 portaudio-2.0 espeak-ng libebur128 samplerate jansson yaml-0.1 libcurl libxml-2.0 poppler-glib libsodium pocketsphinx
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes $(if $(CI),-Werror)
OPT_release := -O2
OPT_debug := -O0
OPT_asan := -O2 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan := -O1 -fsanitize=thread
ifeq ($(OPT_$(FLAVOUR)),)
$(error FLAVOUR=$(FLAVOUR): expected release, debug, asan or tsan)
endif
CC := gcc
CFLAGS = -std=c11 -D_GNU_SOURCE -g $(OPT_$(FLAVOUR)) -ffp-contract=off -pthread $(WARN) -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null) \
    -I$(LLAMA)/include -DCW_CONVERT_DIR='"$(CURDIR)/models/convert"' -DCW_CONVERT_PYTHON='"$(VENV)/bin/python"' -DCW_LLAMA_LIB_DIR='"$(LLAMA)/lib"' -DCW_OWN_MODELS_DIR='"$(CURDIR)/models/own"' -DCW_STYLES_DIR='"$(CURDIR)/dialogue/styles"' -DCW_TEST_DATA='"$(CURDIR)/tests/data"' \
    -DCW_PROGRAM='"$(CURDIR)/$(PROGRAM)"'
LDFLAGS = $(OPT_$(FLAVOUR)) -pthread -rdynamic
LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -L$(LLAMA)/lib -Wl,-rpath,$(LLAMA)/lib -lllama -lggml -lggml-base -ldl -lm

B := build/$(FLAVOUR)
PROGRAM := $(if $(filter release,$(FLAVOUR)),build/castwright,$(B)/castwright)
objects = $(patsubst %.c,$(B)/%.o,$(1))

# Names that tests put together are short.
$(B)/tests/%.o: private WARN += -Wno-format-truncation
# Unrolled tiles under the sanitizers' checks take gcc a minute a file at -O2, ten seconds at -O1, and run a third slower: so those that few machines run.
$(B)/kernels/ops_avx512bf16.o $(B)/kernels/ops_amx.o: private OPT_asan := $(subst -O2,-O1,$(OPT_asan))
%_avx2.o: ISA := -mavx2 -mfma
AVX512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma
%_avx512.o %_amx_emulated.o: ISA := $(AVX512)
%_avx512vnni.o: ISA := $(AVX512) -mavx512vnni
%_avx512bf16.o: ISA := $(AVX512) -mavx512bf16
%_amx.o: ISA := $(AVX512) -mavx512bf16 -mamx-tile -mamx-bf16

# The second make sees the machine as `deps` and `llama` left it (pkg-config, headers).
all: deps llama venv ## builds build/castwright
	@$(MAKE) --no-print-directory -j$$(nproc) $(PROGRAM)

$(B)/flags: .FORCE
	@mkdir -p $(@D); echo '$(subst ','\'',$(CC) $(CFLAGS) $(LDFLAGS) $(LIBS))' > $@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PHONY: .FORCE
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(CFLAGS) $(ISA) -MMD -MP -c $< -o $@
$(B)/libcastwright.a: $(call objects,$(LIB_SOURCES))
	@rm -f $@ && ar rcs $@ $^
$(PROGRAM): $(call objects,$(CLI_SOURCES)) $(B)/libcastwright.a
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) && echo "  built $@"
$(B)/tests/run: $(call objects,$(TEST_SOURCES)) $(B)/libcastwright.a | $(PROGRAM)
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) && echo "  built $@"
$(B)/bench/%: $(B)/bench/%.o $(B)/libcastwright.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) && echo "  built $@"
$(B)/models/train/%: $(B)/models/train/%.o $(B)/libcastwright.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) && echo "  built $@"
$(B)/tests/compare_capture $(B)/tests/normalisation_score: %: %.o $(B)/libcastwright.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) && echo "  built $@"
$(B)/tests/fault_proxy: %: %.o $(B)/tests/test_faults.o $(B)/tests/test_server.o $(B)/libcastwright.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) && echo "  built $@"
-include $(patsubst %.c,$(B)/%.d,$(LIB_SOURCES) $(CLI_SOURCES) $(TEST_SOURCES) $(BENCH_SOURCES) $(TRAIN_SOURCES))

# ---- use -----------------------------------------------------------------------------------------------------------------

models: all ## fetches and verifies the models an episode needs
	@$(PROGRAM) models fetch
models-test: all
	@$(PROGRAM) models fetch --tests

episode: ## makes an episode: TOPIC="…" [MINUTES=3] [OUT=folder]
	@[ -n "$$TOPIC" ] || { echo 'usage: make episode TOPIC="what it is about" [MINUTES=3] [OUT=folder]' >&2; exit 2; }
	@$(MAKE) --no-print-directory models
	@build/castwright make "$$TOPIC" --minutes $(MINUTES) $(if $(OUT),-o "$(OUT)")

test: deps-test ## installs, builds, runs every test
	@$(MAKE) --no-print-directory models-test
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/tests/run
	@$(B)/tests/run $(if $(FILTER),--filter "$(FILTER)")

endpoint: models llama-server ## a talk through llama.cpp's own server, faults injected; MINUTES=3
	@$(MAKE) --no-print-directory build/release/tests/fault_proxy $(B)/tests/run
	@CASTWRIGHT_LLAMA_SERVER=$(LLAMA_SERVER)/llama-server $(B)/tests/run --filter remote
	@CASTWRIGHT_LLAMA_SERVER=$(LLAMA_SERVER)/llama-server bench/endpoint.sh $(MINUTES)

lint: deps-lint llama ## clang-format and clang-tidy
	@clang-format --dry-run -Werror castwright.h $(foreach d,$(ROOMS) cli tests bench models/train,$(wildcard $(d)/*.[ch]))
	@printf '%s\n' $(LIB_SOURCES) $(CLI_SOURCES) $(TRAIN_SOURCES) | xargs -P$$(nproc) -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- \
	    -std=c11 -D_GNU_SOURCE -I. -I$(LLAMA)/include $$(pkg-config --cflags $(PKGS)) -DCW_CONVERT_DIR='""' -DCW_LLAMA_LIB_DIR='""' $(AVX512) -mavx512vnni -mavx512bf16 -mamx-tile -mamx-bf16
	@echo 'lint: clean'

format: deps-lint ## formats the sources
	@clang-format -i castwright.h $(foreach d,$(ROOMS) cli tests bench models/train,$(wildcard $(d)/*.[ch]))

sanitize-build: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) FLAVOUR=asan build/asan/tests/run
	@$(MAKE) --no-print-directory -j$$(nproc) FLAVOUR=tsan build/tsan/tests/run

sanitize: sanitize-build ## tests under ASan + UBSan, then the threaded ones under TSan
	@$(MAKE) --no-print-directory models-test
	@build/asan/tests/run $(if $(FILTER),--filter "$(FILTER)")
	@for part in kernels.pool player episode.crew; do build/tsan/tests/run --filter $$part || exit 1; done

bench: models ## speed of synthesis and of the kernels
	@$(MAKE) --no-print-directory -j$$(nproc) $(patsubst bench/%.c,build/release/bench/%,$(BENCH_SOURCES))
	@build/castwright bench
	@build/release/bench/bench_kernels

FUZZ_SECONDS ?= 60
fuzz: deps deps-lint llama ## fuzzes each parser for FUZZ_SECONDS (60) under ASan and UBSan
	@mkdir -p build/fuzz; for f in $(FUZZ_SOURCES); do n=$$(basename $$f .c); echo "  $$n"; mkdir -p build/fuzz/$$n.corpus; \
	    clang -std=c11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I. -I$(LLAMA)/include $$(pkg-config --cflags $(PKGS)) \
	        -DCW_PLAIN_C_ONLY -DCW_CONVERT_DIR='""' -DCW_LLAMA_LIB_DIR='""' $$f $(wildcard base/*.c models/*.c) $(wildcard tts/*.c dialogue/*.c) $(addprefix voices/,consent.c trust.c spoken.c recording.c encoder.c spectrum.c) \
	        $(filter-out %_avx2.c %_avx512.c %_avx512vnni.c %_avx512bf16.c %_amx.c %_amx_emulated.c,$(wildcard kernels/*.c)) -o build/fuzz/$$n $(LIBS) -pthread; \
	    build/fuzz/$$n -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/ -verbosity=0 -print_final_stats=1 build/fuzz/$$n.corpus; done

SECONDS ?= 3600
fuzz-text: ## fuzzes the text front end alone, for SECONDS (3600)
	@$(MAKE) --no-print-directory fuzz FUZZ_SOURCES=tests/fuzz_speech.c FUZZ_SECONDS=$(SECONDS)

clean: ## removes build/
	@rm -rf build
