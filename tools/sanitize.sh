#!/bin/sh
# Builds the kernel with AddressSanitizer and UndefinedBehaviorSanitizer in a temporary folder, runs
# the kernel's tests on it, and then the fuzzer. Any report ends the run.
#
#   tools/sanitize.sh [SECONDS OF FUZZING, default 20]        PYTHON and CC are taken from outside
#
# Needs gcc's or clang's sanitizer library; the library must come first in the process, so it is
# preloaded. Leaks are not looked for: the interpreter keeps memory on purpose.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
compiler=${CC:-gcc}
seconds=${1:-20}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT INT TERM

# Assembly of the kernel needs the frame pointer as a register.
flags="-fsanitize=address,undefined -fno-sanitize-recover=all -fomit-frame-pointer -g"
mkdir "$build/lib"
cp -R merkle_por "$build/lib/"
rm -f "$build"/lib/merkle_por/_native/_kernel*
CC=$compiler CFLAGS="$flags" LDFLAGS="$flags" "$python" setup.py -q build_ext \
    --build-temp "$build/temp" --build-lib "$build/lib" >"$build/log" 2>&1 || true

asan=$("$compiler" -print-file-name=libasan.so)
ubsan=$("$compiler" -print-file-name=libubsan.so)
run() {
    LD_PRELOAD="$asan $ubsan" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
        PYTHONPATH="$build/lib" PYTHONSAFEPATH=1 "$python" "$@"
}

# An optional extension that does not build is no error to setuptools; here it is.
run -c 'from merkle_por._native import _kernel, status; print(_kernel.__file__, "-", status())' ||
    { cat "$build/log"; exit 1; }

# What is about the Python twins alone would only take long.
run -m pytest -q -p no:cacheprovider --import-mode=importlib -k "not python and not derived" \
    tests/hashes tests/ledger/test_kernel_*.py tests/ownership/test_ownership_ed25519_twins.py
run tools/fuzz_kernel.py --seconds "$seconds"
