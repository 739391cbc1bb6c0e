#!/usr/bin/env bash
# Speed of synthesis beside a peer (Kokoro in ONNX Runtime) on the same sentences and threads, in turn, several rounds.
#   bench/peer.sh EVAL SCRIPTS SENTENCES [ROUNDS] [THREADS]     (EVAL, SCRIPTS as in bench/quality.sh)
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
eval=$1 scripts=$2 sentences=$3 rounds=${4:-3} threads=${5:-2}
here=$(cd "$(dirname "$0")/.." && pwd)
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
for ((i = 1; i <= rounds; i++)); do
    ours=$("$here/build/castwright" bench --json --rounds 1 --threads "$threads" --sentences "$sentences" | sed 's/.*"real_time_factor": \([0-9.]*\).*/\1/')
    peer=$("$eval/venv/bin/python" "$scripts/peer_kokoro_ort.py" --models "$eval/models" --threads "$threads" "$sentences" "$out" | sed -n 's/^all:.*real-time factor \([0-9.]*\),.*/\1/p')
    awk -v i="$i" -v a="$ours" -v b="$peer" 'BEGIN { printf "round %d: castwright %.3f, peer %.3f, ratio %.2f\n", i, a, b, a / b }'
done
