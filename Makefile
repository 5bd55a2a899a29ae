# cleave: one plain Makefile, out of tree into build/$(VARIANT).
#   make demo     install what is missing, build, and run a real Spark job over two slices
#   make test     install what is missing, build, and run every test that needs no emulator
# VARIANT = release | debug | san | cov;  V=1 shows the commands;  LIBCGROUP=no builds without cgroup v1.

VARIANT   ?= release
LIBCGROUP ?= yes
PREFIX    ?= /usr/local
VERSION   := 0.1.0
B         := build/$(VARIANT)
SPARK_VERSION := 4.1.0

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

# Each folder names the libraries that it may use; nothing else is on its include path.
PKGS_decision   :=
PKGS_profiles   := yaml-0.1
PKGS_containers := numa $(if $(filter yes,$(LIBCGROUP)),libcgroup)
PKGS_launcher   := hwloc jansson libcurl
FOLDERS         := launcher containers profiles decision
PKGS := $(foreach f,$(FOLDERS),$(PKGS_$(f)))

CPPFLAGS_ALL = -I. -D_GNU_SOURCE -include decision/banned.h -DCLEAVE_VERSION='"$(VERSION)"' \
	-DCLEAVE_PROFILES='"$(PREFIX)/share/cleave/profiles"' \
	$(if $(filter yes,$(LIBCGROUP)),-DHAVE_LIBCGROUP=1,-DHAVE_LIBCGROUP=0) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu17 $(WARNINGS) $(CFLAGS_$(VARIANT)) -MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(LDFLAGS_$(VARIANT)) $(LDFLAGS)
pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG) --cflags $(1)))
pkg_libs = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))

srcs = $(filter-out launcher/main.c $(if $(filter no,$(LIBCGROUP)),containers/cgroup1.c),$(wildcard $(1)/*.c))
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

.PHONY: all
all: $(B)/cleave
ifeq ($(VARIANT),release)
all: build/cleave
endif

build/cleave: build/release/cleave
	$(Q)ln -f $< $@

$(B)/cleave: $(B)/launcher/main.o $(call libs,launcher)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs_pkgs,launcher) -lm

define folder_rules
$(call lib,$(1)): $(patsubst %.c,$(B)/%.o,$(call srcs,$(1)))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
$(B)/$(1)/%.o: $(1)/%.c
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$(call pkg_cflags,$(PKGS_$(1))) -c -o $$@ $$<
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

# ---- tests: tests/FOLDER/test_*.c is one Check program, linked with that folder's chain only; helpers beside it
# (tests/FOLDER/*.c without the prefix) and in tests/ are linked into each.
# A test that wraps functions names them in a line "link: -Wl,--wrap=…" of its first comment.
TESTS := $(foreach f,$(FOLDERS),$(wildcard tests/$(f)/test_*.c))
TEST_BINS := $(patsubst tests/%.c,$(B)/tests/%,$(TESTS))
test_helpers = $(patsubst %.c,$(B)/%.o,$(filter-out $(wildcard tests/$(1)/test_*.c),$(wildcard tests/$(1)/*.c)) $(wildcard tests/*.c) $(if $(filter-out decision,$(1)),$(filter-out $(wildcard tests/decision/test_*.c),$(wildcard tests/decision/*.c))))

$(B)/tests/%.o: tests/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(call pkg_cflags,$(PKGS) check) -c -o $@ $<

define test_rules
$(B)/tests/$(1)/test_%: $(B)/tests/$(1)/test_%.o $(call test_helpers,$(1)) $(call libs,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$$$(sed -n 's/.*link: //p' tests/$(1)/test_$$*.c) \
		$$(call libs_pkgs,$(1)) $$(call pkg_libs,check) -lm
endef
$(foreach f,$(FOLDERS),$(eval $(call test_rules,$(f))))

# ---- what is missing on a bare Debian machine
DEBIAN := gcc pkg-config libhwloc-dev libnuma-dev libcgroup-dev libyaml-dev check libjansson-dev \
	libcurl4-openssl-dev python3-venv openjdk-17-jre-headless procps
.PHONY: deps deps-debian deps-spark
deps: deps-debian deps-spark
deps-debian:
	$(Q)tests/install-debian $(DEBIAN)
deps-spark: build/spark/jars
build/spark/jars:
	$(Q)tests/install-spark $(SPARK_VERSION)

.PHONY: check check-programs
check: $(TEST_BINS) $(if $(filter release,$(VARIANT)),build/cleave)
	$(Q)tests/run $(TEST_BINS)

.PHONY: check-layers
check-layers:
	$(Q)tests/check-layers
.PHONY: check-pure
check-pure: $(B)/libdecision.a
	$(Q)tests/check-pure $<
.PHONY: check-headers
check-headers:
	$(Q)for h in $(foreach f,$(FOLDERS),$(wildcard $(f)/*.h)); do \
		$(CC) $(CPPFLAGS_ALL) -std=gnu17 $(WARNINGS) -Werror $(call pkg_cflags,$(PKGS)) -fsyntax-only -x c $$h || exit 1; done
	@echo "every header compiles alone"

SOURCES = $(foreach f,$(FOLDERS),$(wildcard $(f)/*.[ch])) $(wildcard tests/*.[ch] tests/*/*.[ch])
.PHONY: format format-check
format:
	$(Q)$(CLANG_FORMAT) -i $(SOURCES)
format-check:
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(SOURCES)

.PHONY: clean
clean:
	rm -rf build/release build/debug build/san build/cov build/fuzz build/cleave

-include $(wildcard $(B)/*/*.d $(B)/tests/*.d $(B)/tests/*/*.d)
