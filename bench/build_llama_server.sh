#!/bin/bash
# build_llama_server.sh SRC OUT: builds llama.cpp's own server from the source folder SRC into OUT/llama-server, for the tests of endpoints.
#
# One program, linked statically, for the instruction sets of Haswell and later; no part of Castwright uses it.
set -euo pipefail

fail() { echo "build_llama_server.sh: $*" >&2; exit 1; }

[ $# -eq 2 ] || fail "usage: build_llama_server.sh SRC OUT"
src=$1
out=$2
[ -f "$src/tools/server/server.cpp" ] || fail "$src: expected llama.cpp's source there, found no tools/server/server.cpp"
mkdir -p "$out"
build=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$build"' EXIT

# Threads that wait long give their core away (see dialogue/build_llama.sh).
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

if ! { cmake -S "$src" -B "$build" -G "Unix Makefiles" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_C_FLAGS="-include '$build/relax.h'" \
        -DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF \
        -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=ON \
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_WEBUI=OFF -Wno-dev &&
    make -C "$build" -j"$(nproc)" llama-server; } >"$build/log" 2>&1; then
    tail -n 30 "$build/log" >&2
    fail "building failed"
fi
mv "$build/bin/llama-server" "$out/llama-server"
