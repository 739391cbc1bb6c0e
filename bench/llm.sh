#!/usr/bin/env bash
# The writer's speed beside llama.cpp's own bench, in turn: tokens read and written a second by the same model, with as many threads and as
# many tokens; ratios with their spread.
#   bench/llm.sh [ROUNDS] [THREADS] [MODEL.gguf]
# $LLAMA_BENCH names a llama-bench; otherwise one is built in the cache folder from the package that `make llama` builds from (once, some
# minutes), as llama.cpp's authors would: for this very processor.
set -euo pipefail
rounds=${1:-3} threads=${2:-$(nproc)}
here=$(cd "$(dirname "$0")/.." && pwd)
models=${CASTWRIGHT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/castwright/models}
model=${3:-$models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf}
[ -f "$model" ] || { echo "llm.sh: $model: expected a language model there, found nothing; run: make models" >&2; exit 3; }
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT

peer=${LLAMA_BENCH:-}
if [ -z "$peer" ]; then
    read -r version sum < <(sed -n 's/^LLAMA_VERSION := //p; s/^LLAMA_SHA256 := //p' "$here/Makefile" | xargs)
    cache=$(dirname "$models")
    peer=$cache/llama-bench-$version
    if [ ! -x "$peer" ]; then
        echo "building llama-bench $version" >&2
        python3 -m venv "$out/venv"
        "$out/venv/bin/pip" download -qq --disable-pip-version-check --no-deps --no-binary llama-cpp-python -d "$out" \
            "llama-cpp-python==$version"
        found=$(sha256sum "$out"/llama_cpp_python-*.tar.gz | cut -d' ' -f1)
        [ "$found" = "$sum" ] || { echo "llm.sh: llama-cpp-python $version: expected sha256 $sum, found $found" >&2; exit 1; }
        tar xzf "$out"/llama_cpp_python-*.tar.gz -C "$out"
        cmake -S "$out"/llama_cpp_python-*/vendor/llama.cpp -B "$out/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
            -DGGML_CCACHE=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
            -DLLAMA_BUILD_SERVER=OFF -Wno-dev > "$out/log"
        make -C "$out/build" -j"$(nproc)" llama-bench >> "$out/log"
        cp "$out/build/bin/llama-bench" "$peer.new" && mv "$peer.new" "$peer"
    fi
fi
for ((i = 1; i <= rounds; i++)); do
    "$here/build/castwright" bench --only writer --threads "$threads" --llm "$model" --json > "$out/own"
    # our prompt has some 500 tokens, and what is written comes after them
    "$peer" -m "$model" -t "$threads" -p 512 -n 0 -r 1 -o json > "$out/read" 2> /dev/null
    "$peer" -m "$model" -t "$threads" -p 0 -n 160 -d 512 -r 1 -o json > "$out/write" 2> /dev/null
    python3 - "$i" "$out" << 'END'
import json, sys
own = json.load(open(sys.argv[2] + "/own"))
read, write = (json.load(open(sys.argv[2] + "/" + what))[0]["avg_ts"] for what in ("read", "write"))
row = [own["prompt_tokens_per_second"], read, own["generated_tokens_per_second"], write, own["grammar_tokens_per_second"]]
print("round %s: read %.1f beside %.1f, written %.1f beside %.1f, under a grammar %.1f" % (sys.argv[1], *row))
print(*row, file=open(sys.argv[2] + "/all", "a"))
END
done
python3 - "$out/all" << 'END'
import math, sys
rows = [list(map(float, l.split())) for l in open(sys.argv[1])]
for what, a, b in ("read", 0, 1), ("written", 2, 3), ("written under a grammar", 4, 3):
    r = [x[a] / x[b] for x in rows]
    mean = math.exp(sum(map(math.log, r)) / len(r))
    print("%-24s %.2f times the peer's speed (%.2f to %.2f in %d rounds)" % (what, mean, min(r), max(r), len(r)))
END
