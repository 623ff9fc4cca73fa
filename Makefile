# make              builds build/codeworker; installs nothing
# make demo         sets up, builds, shows about 20 sample jobs end to end
# make check        sets up, builds, runs every test (FUZZ_SECONDS=60 a fuzz target)
# make deps         sets up only, for make check (DEPS=build or demo: for less); YES=1 asks nothing
# make bench        sets up, builds, measures sandboxed jobs beside bare ones, and through a real Kafka
# make soak         10,000 jobs in warm interpreters: what they leave, what grows, what memory they take
# make install      codeworker, libcodesandbox and their files to DESTDIR and PREFIX (/usr/local)
# make unit-tests   builds the unit tests; each is a program in build/tests
# make fuzz         builds the fuzz targets and runs them for FUZZ_SECONDS each
# make layers       checks who includes what
# make check-fresh  make demo and make check in a bare Debian 12 made by debootstrap; needs root
# make chaos        20,000 jobs while workers and brokers die, and what fails without each safeguard
# make check-cpython  CPython's own test suite as warm jobs beside bare ones; needs libpython3.11-testsuite
# make check-node   JavaScript's tests with Node 18, 20, 22, 24 and Debian's, cold and warm; needs root
# make clean        removes build/

# CHAOS=1: a test build with points to die at and safeguards to switch off (worker/chaos.h).
CHAOS ?=
BUILD ?= build$(if $(CHAOS),/chaos)
comma := ,
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wvla -Wno-missing-field-initializers
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPTIMIZE ?= -O2
SANITIZE ?=
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE $(OPTIMIZE) -g $(WARNINGS) \
	$(if $(SANITIZE),$(SANITIZE),$(HARDENING)) -fPIC -MMD -MP \
	$(if $(CHAOS),-DCODEWORKER_CHAOS) $(CFLAGS)

LIBRARY_PACKAGES := libseccomp jansson
WORKER_PACKAGES := rdkafka avro-c jansson libpcre2-8 yaml-0.1 libmicrohttpd libxxhash
# As system headers: newer ones of librdkafka have warnings, which are not ours to mend.
PACKAGE_CFLAGS = $(patsubst -I%,-isystem%,$(shell \
	$(PKG_CONFIG) --cflags $(LIBRARY_PACKAGES) $(WORKER_PACKAGES) 2>/dev/null))
LIBRARY_LIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARY_PACKAGES) 2>/dev/null)
WORKER_LIBS = $(shell $(PKG_CONFIG) --libs $(WORKER_PACKAGES) 2>/dev/null) -lpthread

# Only goals that compile need the libraries; the others set them up or do without.
QUIET_GOALS := deps demo check check-fresh check-cpython check-node chaos bench soak fuzz layers clean help
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(QUIET_GOALS),$(MAKECMDGOALS)),all),)
MISSING := $(strip $(foreach package,$(sort $(LIBRARY_PACKAGES) $(WORKER_PACKAGES)),\
	$(shell $(PKG_CONFIG) --exists $(package) 2>/dev/null || echo $(package))))
ifneq ($(MISSING),)
$(error pkg-config does not find $(MISSING): run "make deps DEPS=build", which installs what is missing)
endif
endif

LIBRARY_SOURCES := $(wildcard sandbox/*.c)
LAUNCHER_SOURCES := $(wildcard sandbox/launcher/*.c)
SHARED_SOURCES := $(wildcard sandbox/shared/*.c)
WORKER_SOURCES := $(wildcard worker/*.c worker/*/*.c) $(if $(CHAOS),tests/chaos/chaos.c)

# What makes zygotes of stock interpreters: each built where its language's headers are, else left empty.
ZYGOTE_SOURCES := $(wildcard sandbox/zygote/*.c) $(patsubst %,sandbox/launcher/%.c,job script probe \
	identity landlock rlimit namespace) $(SHARED_SOURCES)
ZYGOTE_OBJECTS := $(ZYGOTE_SOURCES:%.c=$(BUILD)/%.zygote.o)
ZYGOTE_NODE_OBJECTS := $(patsubst %,$(BUILD)/sandbox/runtimes/node/%.zygote.o,zygote internals)
ZYGOTES := $(BUILD)/zygote/zygote_python.so $(BUILD)/zygote/zygote_node.node $(BUILD)/zygote/node_forkable.so
PYTHON_CFLAGS := $(shell $(PKG_CONFIG) --cflags python3 2>/dev/null)
NODE_CFLAGS ?= $(if $(wildcard /usr/include/node/node_api.h),-I/usr/include/node)

# The attack programs, for doctor --attack and for tests.
ATTACK_SOURCES := $(wildcard sandbox/attacks/*.c)

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o) $(SHARED_SOURCES:%.c=$(BUILD)/%.o) \
	$(BUILD)/sandbox/launcher_image.o
LAUNCHER_OBJECTS := $(LAUNCHER_SOURCES:%.c=$(BUILD)/%.launcher.o) \
	$(SHARED_SOURCES:%.c=$(BUILD)/%.launcher.o)
WORKER_OBJECTS := $(WORKER_SOURCES:%.c=$(BUILD)/%.o) $(ATTACK_SOURCES:%.c=$(BUILD)/%.o)

all: $(BUILD)/codeworker $(BUILD)/libcodesandbox.a $(BUILD)/layers

# Objects of other flags are compiled again, and what was linked from a file that is gone is linked again.
$(BUILD)/flags: STAMP = $(CC) $(CFLAGS_ALL) $(PACKAGE_CFLAGS) $(LAUNCHER_CFLAGS)
$(BUILD)/objects: STAMP = $(LDFLAGS) \
	$(patsubst $(BUILD)/%,%,$(LIBRARY_OBJECTS) $(LAUNCHER_OBJECTS) $(WORKER_OBJECTS))
$(BUILD)/flags $(BUILD)/objects: FORCE
	@mkdir -p $(@D)
	@text='$(subst ','\'',$(STAMP))' && echo "$$text" | cmp -s - $@ || echo "$$text" >$@

# Without Python the build goes on; make check has it.
$(BUILD)/layers: $(wildcard sandbox/*.[ch] sandbox/*/*.[ch] worker/*.[ch] worker/*/*.[ch]) \
		scripts/check-layers
	@if command -v python3 >/dev/null; then scripts/check-layers --quiet; fi
	@mkdir -p $(@D) && touch $@

LINKED = $(filter %.o %.a,$^)

$(BUILD)/codeworker: $(WORKER_OBJECTS) $(BUILD)/libcodesandbox.a $(BUILD)/objects
	$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $(LINKED) $(LIBRARY_LIBS) $(WORKER_LIBS)

$(BUILD)/libcodesandbox.a: $(LIBRARY_OBJECTS) $(BUILD)/objects
	@rm -f $@
	$(AR) rcs $@ $(LINKED)

# The launcher is a static program with none of the caller's memory; the library carries its image. Its code is alone
# in the first 2 MiB, for shared/huge_text.c.
LAUNCHER_CFLAGS ?=
LAUNCHER_LDFLAGS := -static -Wl,-z,relro,-z,now,-z,noseparate-code,-z,max-page-size=0x200000
$(BUILD)/codesandbox-launcher: $(LAUNCHER_OBJECTS) $(BUILD)/objects
	$(CC) $(LAUNCHER_LDFLAGS) -o $@ $(LINKED)

$(BUILD)/%.launcher.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(HARDENING) -fno-pie -MMD -MP \
		-DZYGOTE_DIRECTORY='"$(BUILD)/zygote"' $(LAUNCHER_CFLAGS) -c -o $@ $<

# Python's and Node's own names for what these include; nothing of ours is visible to them but the door.
$(BUILD)/%.zygote.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(HARDENING) -fPIC -fvisibility=hidden -MMD -MP \
		$(LAUNCHER_CFLAGS) $(ZYGOTE_CFLAGS) -c -o $@ $<
$(BUILD)/sandbox/runtimes/python/zygote.zygote.o: private ZYGOTE_CFLAGS = $(PYTHON_CFLAGS)
$(ZYGOTE_NODE_OBJECTS): private ZYGOTE_CFLAGS = $(NODE_CFLAGS)

$(BUILD)/zygote/zygote_python.so: $(if $(PYTHON_CFLAGS),$(ZYGOTE_OBJECTS) \
		$(BUILD)/sandbox/runtimes/python/zygote.zygote.o)
	@mkdir -p $(@D)
	$(if $(PYTHON_CFLAGS),$(CC) -shared -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now -o $@ $^,: >$@)
$(BUILD)/zygote/zygote_node.node: $(if $(NODE_CFLAGS),$(ZYGOTE_OBJECTS) $(ZYGOTE_NODE_OBJECTS))
	@mkdir -p $(@D)
	$(if $(NODE_CFLAGS),$(CC) -shared -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now -o $@ $^,: >$@)
$(BUILD)/zygote/node_forkable.so: sandbox/runtimes/node/forkable.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 $(WARNINGS) $(LAUNCHER_CFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/sandbox/launcher_image.o: sandbox/launcher_image.S $(BUILD)/codesandbox-launcher \
		$(wildcard sandbox/runtimes/*/*)
	@mkdir -p $(@D)
	$(CC) -DLAUNCHER_PATH='"$(BUILD)/codesandbox-launcher"' -c -o $@ $<

# What an object carries by .incbin, the compiler does not list.
$(BUILD)/sandbox/launcher/runtime_files.launcher.o: $(wildcard sandbox/runtimes/*/*) $(ZYGOTES)
$(BUILD)/sandbox/attacks/table.o: $(wildcard sandbox/attacks/*)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PACKAGE_CFLAGS) -c -o $@ $<

# ---- tests
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check 2>/dev/null)

unit-tests: $(UNIT_TESTS:%=$(BUILD)/tests/%)

# Its executor takes the place of the real one.
$(patsubst %,$(BUILD)/tests/test_worker_%,memory retries cancel hostile priorities): private LDFLAGS += \
	-Wl,--allow-multiple-definition

$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o \
		$(filter-out $(BUILD)/worker/main.o,$(WORKER_OBJECTS)) $(BUILD)/libcodesandbox.a \
		$(BUILD)/objects
	$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $(LINKED) $(LIBRARY_LIBS) $(WORKER_LIBS) $(CHECK_LIBS)


# What the kernel alone takes, for make bench.
$(BUILD)/tests/%_floor: tests/sandbox/%_floor.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -o $@ $<

# One build of the tests per compiler; the objects of a fuzz target are instrumented throughout.
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
CLANG ?= clang

fuzz-targets: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)

$(BUILD)/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o \
		$(filter-out $(BUILD)/worker/main.o,$(WORKER_OBJECTS)) $(BUILD)/libcodesandbox.a \
		$(BUILD)/objects
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(LINKED) $(LIBRARY_LIBS) $(WORKER_LIBS)

# ---- what people call
SUB := +$(MAKE) --no-print-directory
JOBS ?= 2
CHECKED := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
DEPS ?= check

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

deps:
	@scripts/deps $(DEPS)

demo:
	@scripts/deps demo
	$(SUB) -s -j$(JOBS) all
	@$(BUILD)/codeworker demo

bench:
	@scripts/deps bench
	$(SUB) -s -j$(JOBS) all $(BUILD)/tests/kernel_floor $(BUILD)/tests/latency_floor
	@scripts/kafka run $(BUILD)/codeworker bench --kafka
	@$(BUILD)/tests/kernel_floor
	@$(BUILD)/tests/latency_floor

soak:
	@scripts/deps demo
	$(SUB) -s -j$(JOBS) all
	@BUILD=$(BUILD) /usr/bin/python3 tests/sandbox/soak.py

layers:
	@scripts/check-layers

check:
	@scripts/deps check
	@scripts/kafka fetch >/dev/null
	@echo "== building: gcc, clang, sanitizers, fuzz targets, test build of the sandbox"
	$(SUB) -s -j$(JOBS) all unit-tests
	$(SUB) -s -j$(JOBS) all unit-tests BUILD=$(BUILD)/clang CC=$(CLANG)
	$(SUB) -s -j$(JOBS) unit-tests BUILD=$(BUILD)/asan SANITIZE='$(CHECKED)' OPTIMIZE=-O1
	$(SUB) -s -j$(JOBS) fuzz-build
	$(SUB) -s -j$(JOBS) all BUILD=$(BUILD)/drop CFLAGS=-DSANDBOX_TEST_DROP \
		LAUNCHER_CFLAGS=-DSANDBOX_TEST_DROP
	$(SUB) -s -j$(JOBS) all CHAOS=1 BUILD=$(BUILD)/chaos
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) CC='$(CC)' tests/run

fuzz-build:
	$(SUB) -s fuzz-targets BUILD=$(BUILD)/fuzzing CC=$(CLANG) OPTIMIZE=-O1 \
		SANITIZE='$(CHECKED) -fsanitize=fuzzer-no-link'

fuzz:
	@scripts/deps check
	$(SUB) -s -j$(JOBS) fuzz-build
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run fuzz

# RDKAFKA=`scripts/librdkafka`: with another librdkafka, by its prefix.
RDKAFKA ?=
CHAOS_BUILD := $(BUILD)$(if $(RDKAFKA),/rdkafka)
chaos:
	@scripts/deps check
	@scripts/kafka fetch >/dev/null
	+$(if $(RDKAFKA),PKG_CONFIG_PATH=$(RDKAFKA)/lib/pkgconfig) $(MAKE) --no-print-directory -s -j$(JOBS) all \
		CHAOS=1 BUILD=$(CHAOS_BUILD)/chaos $(if $(RDKAFKA),LDFLAGS=-Wl$(comma)-rpath$(comma)$(RDKAFKA)/lib)
	@BUILD=$(abspath $(CHAOS_BUILD)) /usr/bin/python3 tests/chaos/chaos.py $(CHAOS_ARGUMENTS)

check-fresh:
	@scripts/check-fresh

check-node:
	@scripts/deps demo
	$(SUB) -s -j$(JOBS) all
	@BUILD=$(BUILD) /usr/bin/python3 tests/sandbox/node_versions.py

check-cpython:
	@scripts/deps demo
	$(SUB) -s -j$(JOBS) all
	@BUILD=$(BUILD) /usr/bin/python3 tests/sandbox/cpython_suite.py

# ---- installation
VERSION := $(shell sed -n 's/.*define CODEWORKER_VERSION "\(.*\)"/\1/p' worker/*.h worker/*/*.h)
SHARE = $(DESTDIR)$(PREFIX)/share

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/codesandbox $(SHARE)/codeworker/schemas \
		$(SHARE)/doc/codeworker
	install -m 755 $(BUILD)/codeworker $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/libcodesandbox.a $(DESTDIR)$(PREFIX)/lib
	install -m 644 sandbox/sandbox.h sandbox/err.h $(DESTDIR)$(PREFIX)/include/codesandbox
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(or $(VERSION),0)|' scripts/codesandbox.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/codesandbox.pc
	install -m 644 config/codeworker.yaml $(SHARE)/codeworker
	install -m 644 schemas/*.avsc $(SHARE)/codeworker/schemas
	install -m 644 README.md docs/*.md docs/alerts.yml $(SHARE)/doc/codeworker

clean:
	rm -rf $(BUILD)

-include $(shell test -d $(BUILD) && find $(wildcard $(BUILD)/sandbox $(BUILD)/worker $(BUILD)/tests) -name '*.d' 2>/dev/null)

.PHONY: all unit-tests fuzz-targets help deps demo bench soak layers check fuzz-build fuzz check-fresh \
	check-cpython check-node chaos install clean FORCE
.SECONDARY:
