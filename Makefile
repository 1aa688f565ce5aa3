# A front for Meson: every target sets up what it needs by itself.
#   make        builds build/cleave          make test    builds and runs all tests
#   make demo   separates the demo           make lint    format and static analysis
#   make bench  times the kernels            make clean   removes the build folders
#   make count  counts the instructions of a small network, and compares them with those on record
#   make compare    times cleave, ONNX Runtime and OpenVINO side by side (3 GB of disk)
#   make fuzz       fuzzes what reads files, SECONDS=600 for each target (needs clang)
#   make arm64      cross-compiles for 64-bit ARM and runs tests under qemu (on Debian and its kin)
#   make applesim   tests the backend for Apple GPUs on a simulated Mac, and all else beside it (on Debian
#               and its kin)
#   make cuda       builds the backend for NVIDIA GPUs, which needs no GPU (loads 90 MB of compiler); make
#               does so by itself where NVIDIA's driver is
#   make cudasim    tests that backend on a simulated driver
#   make debian13   runs the demo and the tests in a bare Debian 13 (takes root; on Debian and its kin)
#   make check-macos  compiles the C code for macOS, on Linux (loads 80 MB of compiler and headers)
#   make soak       separates hours of audio, whose memory must not grow; 11 GB of disk
#   make install    puts it in place, below PREFIX (/usr/local) and, to package it, DESTDIR
#   make uninstall  takes away what make install put there (same DESTDIR)
#   make deb        builds the Debian packages into build/deb/
#   make container  builds the image cleave:latest with podman, docker or buildah

PREFIX = /usr/local

# Of `meson test`: make test TEST_ARGS='--no-suite slow' leaves out the slow tests.
TEST_ARGS =

# Whether a compiler's warning stops the build: for developers and .ci/run (make WERROR=true, or in the
# environment; make lint sets it for good), not for users, who may have compilers that warn of more.
WERROR ?= false

.PHONY: all setup build venv media demo test arm64 lint format bench count compare fuzz soak install uninstall deb
.PHONY: container clean applesim check-macos debian13 cuda cudasim nvidia

all: build

setup:
	@scripts/setup

# Without a network the backend for NVIDIA GPUs is left out.
nvidia: setup
	@scripts/setup nvidia || echo "setup: going on without NVRTC, and so without the backend for NVIDIA GPUs"

build/build.ninja: | nvidia
	@echo "Building in build/; for the first time this takes a minute or two, and some more with kernels for NVIDIA GPUs."
	@meson setup build -Dwerror=$(WERROR) >build-setup.log 2>&1 || { cat build-setup.log; rm -f build-setup.log; exit 1; }
	@rm -f build-setup.log

build: nvidia build/build.ninja
	@ninja -C build --quiet

demo: build
	@build/cleave demo/demo-kit.flac --model demo/drumsep-mini.ckpt --score demo/stems

# What runs exported networks in the tests; without it (no network) those tests are skipped.
venv: build
	@scripts/venv build/venv tests/export/requirements.txt || echo "venv: going on without; export-runtime is skipped"

# What makes the files of audio-matrix; without it (no rights, no network) that one is skipped.
media: setup
	@scripts/setup media || echo "setup: going on without ffmpeg and SoX; audio-matrix is skipped"

test: build venv media
	@scripts/run-tests build $(TEST_ARGS)

arm64:
	@scripts/setup arm64
	@scripts/test-arm64
	@scripts/test-arm64 oldest

cuda: setup
	@scripts/setup cuda
	@$(MAKE) --no-print-directory build/build.ninja
	@meson configure build -Dcuda=enabled
	@ninja -C build --quiet

cudasim: setup
	@scripts/setup cuda
	@scripts/test-cudasim

applesim:
	@scripts/setup applesim
	@scripts/test-applesim

debian13:
	@scripts/setup debian13
	@scripts/test-debian13

check-macos: setup build/build.ninja
	@scripts/setup macos
	@scripts/check-macos build

# NEON's sources and the simulators' too, where they are built.
lint: setup build/build.ninja
	@scripts/setup lint
	@meson configure build -Dwerror=true
	@ninja -C build --quiet
	@scripts/lint build $(patsubst %/build.ninja,%,$(wildcard build-arm64/build.ninja build-applesim/build.ninja build-cudasim/build.ninja))

format:
	@scripts/setup lint
	@scripts/sources | xargs clang-format -i

soak: build
	@python3 tests/soak/soak.py build

bench: build
	@build/tests/kernels/test_kernels --bench

count: build
	@scripts/setup count
	@bench/instructions.py

compare: build
	@bench/compare.py $(COMPARE)

SECONDS = 600
fuzz:
	@scripts/setup lint
	@scripts/fuzz $(SECONDS)

install: build
	@DESTDIR='$(DESTDIR)' scripts/installed put build '$(PREFIX)'

uninstall:
	@DESTDIR='$(DESTDIR)' scripts/installed remove build

deb: nvidia
	@scripts/setup deb
	@scripts/make-deb build/deb

container:
	@scripts/make-container

clean:
	rm -rf build build-asan build-tsan build-clang build-fuzz build-arm64 build-applesim build-cudasim build-cudasim-asan build-cudasim-tsan build-meson
