# SPDX-License-Identifier: Apache-2.0
# A thin face over meson and ninja. The two that a newcomer needs: make demo, make test.
PREFIX ?= /usr/local
DESTDIR ?=
MESONFLAGS ?=
NINJAFLAGS ?=
ASAN = -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized

.PHONY: help setup build asan demo test bench fuzz soak check format install uninstall clean

help:
	@echo 'make demo       build, make traffic, show what the telescope finds in it'
	@echo 'make test       build twice (release, sanitizers) and run all tests'
	@echo 'make build      build/sakimori'
	@echo 'make asan       build-asan/sakimori, with AddressSanitizer and UBSan'
	@echo 'make bench      compare with other programs, in one run'
	@echo 'make fuzz       every fuzz target for a minute with libFuzzer (FUZZ_SECONDS=60)'
	@echo 'make soak       a million mutations for every fuzz target, 1000 rounds of kills'
	@echo 'make check      layers, sizes, format, licences, manual pages, static analysis'
	@echo 'make format     clang-format over the tree'
	@echo 'make install    into DESTDIR/PREFIX (/usr/local); make uninstall takes it away'
	@echo 'make setup      Debian packages that are missing; make clean'

setup:
	@tools/setup

build/build.ninja:
	meson setup build --buildtype=release --prefix='$(PREFIX)' $(MESONFLAGS)

build-asan/build.ninja:
	meson setup build-asan $(ASAN) $(MESONFLAGS)

build:
	@tools/setup --quiet
	@$(MAKE) --no-print-directory build/build.ninja
	@ninja -C build $(NINJAFLAGS)

asan:
	@tools/setup --quiet
	@$(MAKE) --no-print-directory build-asan/build.ninja
	@ninja -C build-asan $(NINJAFLAGS)

demo: build
	@if [ -x tools/demo ]; then tools/demo; else echo 'no tools/demo in this tree'; fi

test:
	@tools/setup --quiet --test
	@$(MAKE) --no-print-directory build asan
	@tests/run

bench: build
	@tools/setup --quiet --test
	@set -e; for b in bench/*/run; do echo "== $$b"; "$$b"; done

fuzz:
	@tools/setup --quiet --test
	@tools/fuzz

soak: build asan
	@tools/setup --quiet --test
	@SAKIMORI_MUTATIONS=1000000 tests/run --only fuzz
	@export SAKIMORI_ROUNDS=$${SAKIMORI_ROUNDS:-1000}; tests/run --only netns -k kills && tests/run --only netns -k packets

check:
	@tools/setup --quiet --test
	@tools/check

format:
	@tools/check-format --write

install: build
	meson configure build -Dprefix='$(PREFIX)'
	DESTDIR='$(DESTDIR)' meson install -C build
	@echo "configuration: $(DESTDIR)/etc/sakimori/sakimori.yaml; one that was there is kept"
	@echo 'next: systemd-sysusers; systemd-tmpfiles --create; systemctl daemon-reload; docs/operation.md'

uninstall:
	@DESTDIR='$(DESTDIR)' tools/uninstall

clean:
	rm -rf build build-asan build-clang build-fuzz build-cross
