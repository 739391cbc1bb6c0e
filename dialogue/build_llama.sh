#!/bin/bash
# build_llama.sh SRC OUT: builds llama.cpp's library, and nothing else of it, from the source folder SRC.
#
#   SRC (vendor/llama.cpp of the pinned source package) -> OUT/lib/*.so, OUT/include/*.h
#
# libllama, libggml and libggml-base are linked with; the libggml-cpu-*.so beside them are the same code compiled for
# several instruction sets, and the best one that the machine has is chosen when the program starts. None of them uses
# AMX: ggml's AMX code dies with an illegal instruction on threads whose tiles were never configured.
set -euo pipefail

fail() { echo "build_llama.sh: $*" >&2; exit 1; }

[ $# -eq 2 ] || fail "usage: build_llama.sh SRC OUT"
src=$1
out=$2
[ -f "$src/include/llama.h" ] || fail "$src: expected llama.cpp's source there, found no include/llama.h"
[ "$(uname -m)" = x86_64 ] || fail "this machine: expected x86_64, found $(uname -m)"
for tool in cmake make gcc g++; do
    command -v "$tool" >/dev/null || fail "$tool is not installed"
done

variants="x64 haswell skylakex icelake"
jobs=$(nproc)
mkdir -p "$out/lib" "$out/include"
build=$(mktemp -d "$out/.build.XXXXXX")
log=$build/log
trap 'rm -rf "$build"' EXIT

step() { # step WHAT COMMAND...: says nothing unless it fails
    local what=$1
    shift
    if ! "$@" >>"$log" 2>&1; then
        tail -n 30 "$log" >&2
        fail "$what failed"
    fi
}

# ggml's threads wait for each other by spinning, which starves them and everybody else as soon as there are more threads
# than cores: with this, one that waits long gives its core away.
cat >"$build/relax.h" <<'EOF'
#include <immintrin.h>
#include <sched.h>
static inline void relax_or_yield(void) {
    static _Thread_local unsigned waits;
    if (++waits % 256 == 0) {
        sched_yield();
    } else {
        _mm_pause();
    }
}
#define _mm_pause relax_or_yield
EOF

step configuring cmake -S "$src" -B "$build" -G "Unix Makefiles" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
    -DCMAKE_C_FLAGS="-include '$build/relax.h'" \
    -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON -DCMAKE_BUILD_RPATH='$ORIGIN' -DCMAKE_SKIP_BUILD_RPATH=OFF \
    -DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF \
    -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -Wno-dev

# libggml names every CPU variant as a dependency; the /fast targets build just the one thing, in our order.
targets=
for v in $variants; do
    targets="$targets ggml-cpu-$v"
done
step "building ggml-base" make -C "$build" -j"$jobs" ggml-base
# shellcheck disable=SC2086
step "building ggml" make -C "$build" -j"$jobs" ggml/fast $targets
step "building llama" make -C "$build" -j"$jobs" llama/fast

cp -P "$build"/bin/libllama.so* "$build"/bin/libggml.so* "$build"/bin/libggml-base.so* "$out/lib/"
for v in $variants; do
    cp "$build/bin/libggml-cpu-$v.so" "$out/lib/"
done
cp "$src"/include/llama.h "$src"/ggml/include/*.h "$out/include/"
cp "$src/LICENSE" "$out/LICENSE.llama.cpp"
[ -e "$out/lib/libllama.so" ] || fail "no libllama.so came out"
