# make            builds build/codeworker; installs nothing
# make demo       sets up, builds, shows about 20 sample jobs end to end
# make check      sets up, builds, runs every test
# make help       the rest

BUILD ?= build
CC ?= gcc
PREFIX ?= /usr/local
DESTDIR ?=
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wvla -Wno-missing-field-initializers
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPTIMIZE ?= -O2
SANITIZE ?=
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE $(OPTIMIZE) -g $(WARNINGS) \
	$(if $(SANITIZE),$(SANITIZE),$(HARDENING)) -fPIC -MMD -MP $(CFLAGS)

LIBRARY_PACKAGES := libseccomp jansson
WORKER_PACKAGES := rdkafka avro-c jansson libpcre2-8 yaml-0.1 libmicrohttpd libxxhash
PACKAGE_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(LIBRARY_PACKAGES) $(WORKER_PACKAGES) 2>/dev/null)
LIBRARY_LIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARY_PACKAGES) 2>/dev/null)
WORKER_LIBS = $(shell $(PKG_CONFIG) --libs $(WORKER_PACKAGES) 2>/dev/null) -lpthread

LIBRARY_SOURCES := $(wildcard sandbox/*.c)
LAUNCHER_SOURCES := $(wildcard sandbox/launcher/*.c)
SHARED_SOURCES := $(wildcard sandbox/shared/*.c)
WORKER_SOURCES := $(wildcard worker/*.c worker/commands/*.c)

# The attack programs, for doctor --attack and for tests.
ATTACK_SOURCES := $(wildcard sandbox/attacks/*.c)

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o) $(SHARED_SOURCES:%.c=$(BUILD)/%.o) \
	$(BUILD)/sandbox/launcher_image.o
LAUNCHER_OBJECTS := $(LAUNCHER_SOURCES:%.c=$(BUILD)/%.launcher.o) \
	$(SHARED_SOURCES:%.c=$(BUILD)/%.launcher.o)
WORKER_OBJECTS := $(WORKER_SOURCES:%.c=$(BUILD)/%.o) $(ATTACK_SOURCES:%.c=$(BUILD)/%.o)

all: $(BUILD)/codeworker $(BUILD)/libcodesandbox.a

$(BUILD)/codeworker: $(WORKER_OBJECTS) $(BUILD)/libcodesandbox.a
	$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LIBRARY_LIBS) $(WORKER_LIBS)

$(BUILD)/libcodesandbox.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

# The launcher is a static program with none of the caller's memory; the library carries its image.
LAUNCHER_CFLAGS ?=
$(BUILD)/codesandbox-launcher: $(LAUNCHER_OBJECTS)
	$(CC) -static -Wl,-z,relro,-z,now -o $@ $^

$(BUILD)/%.launcher.o: %.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(HARDENING) -fno-pie -MMD -MP \
		$(LAUNCHER_CFLAGS) -c -o $@ $<

$(BUILD)/sandbox/launcher_image.o: sandbox/launcher_image.S $(BUILD)/codesandbox-launcher \
		$(wildcard sandbox/runtimes/*/*)
	@mkdir -p $(@D)
	$(CC) -DLAUNCHER_PATH='"$(BUILD)/codesandbox-launcher"' -c -o $@ $<

# What an object carries by .incbin, the compiler does not list.
$(BUILD)/sandbox/launcher/runtime_files.launcher.o: $(wildcard sandbox/runtimes/*/*)
$(BUILD)/sandbox/attacks/table.o: $(wildcard sandbox/attacks/*)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PACKAGE_CFLAGS) -c -o $@ $<

# ---- tests
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check 2>/dev/null)

unit-tests: $(UNIT_TESTS:%=$(BUILD)/tests/%)

$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o \
		$(filter-out $(BUILD)/worker/main.o,$(WORKER_OBJECTS)) $(BUILD)/libcodesandbox.a
	$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LIBRARY_LIBS) $(WORKER_LIBS) $(CHECK_LIBS)

clean:
	rm -rf $(BUILD)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

.PHONY: all clean unit-tests
.SECONDARY:
