# A front for Meson: every target sets up what it needs by itself.
#   make        builds build/cleave          make test    builds and runs all tests
#   make demo   separates the demo           make lint    format and static analysis
#   make bench  times the kernels            make soak   hours of audio; needs 11 GB of disk
#   make install DESTDIR=… after make

.PHONY: all setup build demo test lint format bench soak install clean

all: build

setup:
	@scripts/setup

build/build.ninja: | setup
	@meson setup build >build-setup.log 2>&1 || { cat build-setup.log; rm -f build-setup.log; exit 1; }
	@rm -f build-setup.log

build: setup build/build.ninja
	@ninja -C build --quiet

demo: build
	@build/cleave demo/demo-kit.flac --model demo/drumsep-mini.ckpt --score demo/stems

test: build
	@scripts/run-tests build

lint: build
	@scripts/setup lint
	@scripts/lint build

format:
	@scripts/setup lint
	@scripts/sources | xargs clang-format -i

soak: build
	@python3 tests/soak/soak.py build

bench: build
	@build/tests/kernels/check_kernels --bench

install: build
	@meson install -C build --quiet

clean:
	rm -rf build build-asan build-tsan build-clang
