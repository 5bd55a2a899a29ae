# SPDX-License-Identifier: Apache-2.0
# cleave: one plain Makefile, out of tree into build/$(VARIANT).
#   make demo     install what is missing, build, and run a real Spark job over two slices
#   make test     install what is missing, build, and run every test that needs no emulator
# Both are all a user needs; the rest is for the people who work on it:
#   image (a container image for slices) test-numa (in an emulated machine)
#   check (all that needs no Spark, of one variant) check-cli check-layers check-pure check-headers format-check fuzz analyze coverage bench
#   install uninstall clean (DESTDIR, PREFIX)
# VARIANT = release | debug | san (ASan and UBSan) | cov | clang;  V=1 shows the commands;  LIBCGROUP=no builds without cgroup v1.

VARIANT   ?= release
LIBCGROUP ?= yes
PREFIX    ?= /usr/local
VERSION   := 0.1.0
B         := build/$(VARIANT)$(if $(filter no,$(LIBCGROUP)),-no-libcgroup)
SPARK_VERSION := 4.1.0
KUBERNETES_VALIDATE_VERSION := 1.37.0

PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wpointer-arith $(if $(CI)$(WERROR),-Werror)
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
CFLAGS_debug := -O0 -g3
CFLAGS_san := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_san := -fsanitize=address,undefined
CFLAGS_cov := -O0 -g --coverage
LDFLAGS_cov := --coverage
CFLAGS_clang := $(CFLAGS_release)
LDFLAGS_clang := $(LDFLAGS_release)
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

# Each folder names the libraries that it may use; nothing else is on its include path.
PKGS_decision   :=
PKGS_profiles   := yaml-0.1
PKGS_containers := numa jansson libcurl $(if $(filter yes,$(LIBCGROUP)),libcgroup)
PKGS_launcher   := hwloc jansson libcurl nettle
FOLDERS         := launcher containers profiles decision
PKGS := $(foreach f,$(FOLDERS),$(PKGS_$(f)))

CPPFLAGS_ALL = -I. -D_GNU_SOURCE -include decision/base/banned.h -DCLEAVE_VERSION='"$(VERSION)"' \
	$(if $(filter yes,$(LIBCGROUP)),-DHAVE_LIBCGROUP=1,-DHAVE_LIBCGROUP=0) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu17 $(WARNINGS) $(CFLAGS_$(VARIANT)) -MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(LDFLAGS_$(VARIANT)) $(LDFLAGS)
pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG) --cflags $(1)))
pkg_libs = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))

# A folder and its rooms, by what the file names end in.
in_rooms = $(wildcard $(1)/$(2) $(1)/*/$(2))
srcs = $(filter-out launcher/main.c $(if $(filter no,$(LIBCGROUP)),%/cgroup1.c),$(call in_rooms,$(1),*.c))
lib = $(B)/lib$(1).a
# The libraries that a folder's code links, itself first: the order enforces the arrows of the design.
chain_decision   := decision
chain_profiles   := profiles decision
chain_containers := containers decision
chain_launcher   := launcher profiles containers decision
chain_cli        := $(chain_launcher)
libs = $(foreach f,$(chain_$(1)),$(call lib,$(f)))
libs_pkgs = $(call pkg_libs,$(strip $(foreach f,$(chain_$(1)),$(PKGS_$(f)))))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

.PHONY: all
all: $(B)/cleave
ifeq ($(VARIANT),release)
all: build/cleave
endif

build/cleave: $(if $(filter release,$(VARIANT)),$(B)/cleave)
	$(if $<,$(Q)ln -f $< $@,$(Q)$(MAKE) --no-print-directory VARIANT=release all)

$(B)/cleave: $(B)/launcher/main.o $(call libs,launcher)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs_pkgs,launcher) -lm

define folder_rules
$(call lib,$(1)): $(patsubst %.c,$(B)/%.o,$(call srcs,$(1)))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) qcs $$@ $$^
$(B)/$(1)/%.o: $(1)/%.c
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$(call pkg_cflags,$(PKGS_$(1))) -c -o $$@ $$<
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

ifeq ($(VARIANT),clang)
CC := clang
endif

# ---- tests: tests/FOLDER/ROOM/test_*.c is one Check program, linked with that folder's chain only; the helpers of tests/,
# of tests/FOLDER and of tests/decision (the files without the prefix) are linked into each, and the
# machines of tests/containers/fake_root.c also into those of launcher.
# A test that wraps functions names them in a line "link: -Wl,--wrap=…" of its first comment.
tests_of = $(sort $(call in_rooms,tests/$(1),test_*.c))
TESTS := $(foreach f,$(FOLDERS),$(call tests_of,$(f)))
test_bins = $(patsubst tests/%.c,build/$(1)/tests/%,$(2))
helpers_of = $(filter-out $(call tests_of,$(1)),$(call in_rooms,tests/$(1),*.c))
test_helpers = $(patsubst %.c,$(B)/%.o,$(wildcard tests/*.c) $(sort $(call helpers_of,$(1)) $(call helpers_of,decision) \
	$(if $(filter launcher,$(1)),tests/containers/fake_root.c)))

$(B)/tests/%.o: tests/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(call pkg_cflags,$(PKGS) check) -c -o $@ $<

define test_rules
$(patsubst tests/%.c,$(B)/tests/%,$(call tests_of,$(1))): $(B)/tests/%: $(B)/tests/%.o $(call test_helpers,$(1)) $(call libs,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$$$(sed -n 's/.*link: //p' tests/$$*.c) \
		$$(call libs_pkgs,$(1)) $$(call pkg_libs,check) -lm
endef
$(foreach f,$(FOLDERS),$(eval $(call test_rules,$(f))))

# What tests/page/test_bench_page renders.
PRINT_PAGE := $(B)/tests/page/print_page
$(PRINT_PAGE): $(B)/tests/page/print_page.o $(call libs,launcher)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs_pkgs,launcher) -lm

# ---- what is missing on a bare Debian machine
DEBIAN := gcc pkg-config libhwloc-dev libnuma-dev libcgroup-dev libyaml-dev check libjansson-dev \
	libcurl4-openssl-dev nettle-dev python3-venv openjdk-17-jre-headless procps
DEBIAN_DEV := clang clang-format libclang-rt-14-dev gcovr mandoc chromium
DEBIAN_TEST := docker.io mmdebstrap busybox-static docker-compose numactl shellcheck systemd
.PHONY: deps deps-debian deps-spark deps-test deps-dev
deps: deps-debian deps-spark
deps-debian:
	$(Q)tests/install-debian $(DEBIAN)
deps-spark: deps-debian
	$(Q)tests/install-spark $(SPARK_VERSION)
# What tests use of others: a Docker Engine, who reads exports; `make demo` needs none of it.
deps-test: deps-debian
	$(Q)tests/install-debian $(DEBIAN_TEST)
	$(Q)tests/install-kubernetes-validate $(KUBERNETES_VALIDATE_VERSION)
deps-dev: deps-debian
	$(Q)tests/install-debian $(DEBIAN_DEV)

# ---- the two commands. Each begins a make of its own once everything is installed.
.PHONY: demo test
demo: deps
	$(Q)$(MAKE) --no-print-directory VARIANT=release all
	$(Q)tests/demo/run

test: deps deps-test
	$(Q)$(MAKE) --no-print-directory build-release build-san
	$(Q)tests/spark/warm
	$(Q)tests/docker/image || echo "  no image: the tests of containers are skipped"
	$(Q)tests/run $(filter-out $(call test_bins,release,$(ONCE)),$(call test_bins,release,$(TESTS))) \
		$(call test_bins,san,$(TESTS)) $(CHECKS) $(SPARK_TESTS) $(DOCKER_TESTS)

# In an emulated machine of two memory nodes: groups that systemd makes, Docker and Podman. 20 minutes on two CPUs.
.PHONY: test-numa
test-numa: deps
	$(Q)tests/install-debian qemu-system-x86 mmdebstrap e2fsprogs
	$(Q)$(MAKE) --no-print-directory VARIANT=release all
	$(Q)python3 -B tests/numa/box.py
	$(Q)tests/run $(wildcard tests/numa/test_*)

# An image for slices, which is what the tests of containers use as well.
.PHONY: image
image: deps-test
	$(Q)tests/docker/image --import

.PHONY: build-release build-san
build-release build-san: build-%:
	$(Q)$(MAKE) --no-print-directory VARIANT=$* all tests

# ---- one kind of test at a time
LAYERS := tests/check-layers tests/circles tests/test_layers
CHECKS := $(LAYERS) tests/check-pure tests/check-headers tests/cli/run tests/cli/published tests/cli/foreign tests/cli/exports \
	tests/spark/test_bad_input tests/spark/test_terminal tests/spark/test_strangers tests/spark/test_walls \
	tests/spark/test_workload_data tests/page/test_bench_page
SPARK_TESTS := $(filter-out $(CHECKS),$(wildcard tests/spark/test_*))
DOCKER_TESTS := $(wildcard tests/docker/test_*)
# Whole clusters wait most of their time: `make test` runs them in the san variant only, `make check` in its own.
ONCE := $(filter tests/launcher/supervisor/%,$(TESTS))

.PHONY: tests check check-cli check-layers check-pure check-headers
tests: $(patsubst tests/%.c,$(B)/tests/%,$(TESTS)) $(PRINT_PAGE)
check: tests build/cleave
	$(Q)VARIANT=$(VARIANT) tests/run $(call test_bins,$(VARIANT),$(TESTS)) $(CHECKS)
check-cli: build/cleave
	$(Q)tests/run tests/cli/run tests/cli/published tests/cli/foreign tests/cli/exports
check-layers: $(call libs,launcher)
	$(Q)VARIANT=$(VARIANT) tests/run $(LAYERS)
check-pure: $(call lib,decision)
	$(Q)VARIANT=$(VARIANT) tests/run tests/check-pure
check-headers:
	$(Q)tests/run tests/check-headers

# ---- fuzzing: tests/fuzz/fuzz_X.c with the seeds in tests/fuzz/corpus/X
FUZZ_SECONDS ?= 20
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZ_LIBS = $(foreach f,$(FOLDERS),build/fuzz/lib$(f).a)
.PHONY: fuzz $(addprefix fuzz-,$(FUZZERS))
fuzz: $(addprefix fuzz-,$(FUZZERS))
$(addprefix fuzz-,$(FUZZERS)): fuzz-%: build/fuzz/fuzz_%
	$(Q)mkdir -p build/fuzz/found/$*
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=0 -verbosity=0 \
		-artifact_prefix=build/fuzz/found/ build/fuzz/found/$* tests/fuzz/corpus/$* && echo "  fuzz $*: nothing found in $(FUZZ_SECONDS) s"
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c fuzz-libraries
	$(call say,FUZZ,$<)
	$(Q)clang $(CPPFLAGS_ALL) -std=gnu17 -O1 -g $(FUZZ_FLAGS) $(call pkg_cflags,$(PKGS)) -o $@ $< \
		$(FUZZ_LIBS) $(call libs_pkgs,launcher) -lm
.PHONY: fuzz-libraries
fuzz-libraries:
	$(Q)$(MAKE) --no-print-directory CC=clang VARIANT=fuzz libraries

.PHONY: libraries
libraries: $(call libs,launcher)

# ---- static checks
SOURCES = $(foreach f,$(FOLDERS) tests,$(call in_rooms,$(f),*.[ch]) $(wildcard $(f)/*/*/*.[ch]))
.PHONY: format format-check analyze
format:
	$(Q)$(CLANG_FORMAT) -i $(SOURCES)
format-check:
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(SOURCES)
# Without unix.Malloc: clang 14's analyzer does not know the cleanup attribute; leaks are the san variant's to find.
analyze:
	$(Q)printf '%s\n' $(foreach f,$(FOLDERS),$(call in_rooms,$(f),*.c)) | xargs -P $(shell nproc) -n 8 \
		clang --analyze --analyzer-output text -Xclang -analyzer-werror -Xclang -analyzer-disable-checker=unix.Malloc \
			$(CPPFLAGS_ALL) -std=gnu17 $(call pkg_cflags,$(PKGS))
	@echo "the analyzer has nothing to say"

.PHONY: coverage
coverage:
	$(Q)$(MAKE) --no-print-directory VARIANT=cov check
	$(Q)gcovr --root . --object-directory build/cov --filter '($(subst $() ,|,$(FOLDERS)))/' --print-summary --txt build/cov/coverage.txt
	$(Q)tail -n 8 build/cov/coverage.txt

# ---- benchmarks: every figure beside the one it is compared with, measured in the same run
BENCHES := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
BENCH_SCRIPTS := $(filter-out %.c %.h,$(wildcard tests/bench/bench_*))
# tests/fold/fold.h: programs that take this machine for a larger one.
FOLD_LINK := -Wl,--wrap=driver_open,--wrap=topology_read
$(B)/tests/bench/bench_monitor: $(B)/tests/fold/fold.o
$(B)/tests/bench/bench_monitor: LDFLAGS += $(FOLD_LINK)
# With the helpers beside them and those of the tests: machines, laws and fakes are the same in both.
bench_helpers := $(patsubst %.c,$(B)/%.o,$(filter-out $(wildcard tests/bench/bench_*.c),$(wildcard tests/bench/*.c)))
$(BENCHES): $(B)/tests/bench/%: $(B)/tests/bench/%.o $(bench_helpers) $(call test_helpers,launcher) $(call libs,launcher)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(call libs_pkgs,launcher) $(call pkg_libs,check) -lm
FOLDED := $(B)/tests/fold/cleave
$(FOLDED): $(B)/launcher/main.o $(B)/tests/fold/fold.o $(call libs,launcher)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FOLD_LINK) -o $@ $^ $(call libs_pkgs,launcher) -lm
.PHONY: bench benches
benches: $(BENCHES) $(FOLDED)
bench: deps deps-test
	$(Q)$(MAKE) --no-print-directory VARIANT=release all benches
	$(Q)tests/docker/image || echo "  no image: bench_containers is skipped"
	$(Q)mkdir -p build/bench
	$(Q)for b in $(BENCHES) $(BENCH_SCRIPTS); do $$b || exit 1; done

# ---- installation
.PHONY: install uninstall clean
install: build/cleave
	install -D -m 755 build/cleave $(DESTDIR)$(PREFIX)/bin/cleave
	install -D -m 644 launcher/cleave.8 $(DESTDIR)$(PREFIX)/share/man/man8/cleave.8
	install -d $(DESTDIR)$(PREFIX)/share/cleave/profiles
	install -m 644 profiles/*.yaml $(DESTDIR)$(PREFIX)/share/cleave/profiles
	install -d $(DESTDIR)$(PREFIX)/share/cleave/workloads
	install -m 644 launcher/measure/workloads/*.py $(DESTDIR)$(PREFIX)/share/cleave/workloads
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/cleave $(DESTDIR)$(PREFIX)/share/man/man8/cleave.8
	rm -rf $(DESTDIR)$(PREFIX)/share/cleave

clean:
	rm -rf build/release build/debug build/san build/cov build/fuzz build/bench build/demo build/cleave

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d $(B)/*/*/*/*.d)
