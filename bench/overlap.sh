#!/usr/bin/env bash
# What speaking adds to writing: `write` and `make` of the same topic and seed in turn; wall and processor time of each, their ratio, and
# whether both wrote the same script. On a quiet machine only.
#   bench/overlap.sh [MINUTES] [ROUNDS] [SEED]
set -euo pipefail
minutes=${1:-5} rounds=${2:-2} seed=${3:-3}
own=$(cd "$(dirname "$0")/.." && pwd)/build/castwright
[ -x "$own" ] || { echo "overlap.sh: $own: expected the program there, found nothing; run: make" >&2; exit 3; }
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
TIMEFORMAT='%R %U %S'
for ((i = 1; i <= rounds; i++)); do
    rm -rf "$out/episode"
    { time "$own" write "Why the sea has tides" --minutes "$minutes" --seed "$seed" -q -o "$out/talk.md" > "$out/said" 2>&1; } 2> "$out/write"
    { time "$own" make "Why the sea has tides" --minutes "$minutes" --seed "$seed" -q -o "$out/episode" > "$out/said" 2>&1; } 2> "$out/make"
    cmp "$out/talk.md" "$out/episode/script.md"
    grep took "$out/said"
    cat "$out/write" "$out/make" | xargs | awk -v i="$i" '{
        printf "round %d: write %.1f s (%.0f of processors), make %.1f s (%.0f): %.3f times, the same script\n", i, $1, $2 + $3, $4, $5 + $6, $4 / $1 }'
done
