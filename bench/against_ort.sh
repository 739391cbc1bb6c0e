#!/usr/bin/env bash
# Speed of whole synthesis, text to samples, beside a peer (Kokoro in ONNX Runtime, int8) on the same texts and threads: the peer and every
# instruction set of this machine in turn, several rounds; ratios with their spread. Two ratios:
#   per second of sound    what each spends on a second that its models make. The peer keeps the silence at a text's ends, we cut it away
#                          and count it here. The hard one: the peer's time does not include its phonemes, ours does.
#   for the same texts     time over time
#   bench/against_ort.sh EVAL SCRIPTS SENTENCES [ROUNDS] [THREADS] [ISA...]     (EVAL, SCRIPTS as in bench/quality.sh)
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
eval=$1 scripts=$2 sentences=$3 rounds=${4:-3} threads=${5:-2}
shift $(($# < 5 ? $# : 5))
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- $("$here/build/castwright" doctor | sed -n 's/^ *kernels possible *//p' | sed 's/\bc$//')
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
for ((i = 1; i <= rounds; i++)); do # lines of: name, seconds spent, seconds of sound
    "$eval/venv/bin/python" "$scripts/peer_kokoro_ort.py" --models "$eval/models" --threads "$threads" "$sentences" "$out" |
        sed -n 's/^all: \([0-9.]*\) s of audio, real-time factor \([0-9.]*\),.*/\1 \2/p' | awk '{ print "peer", $1 * $2, $1 }' >> "$out/all"
    for isa; do
        CASTWRIGHT_ISA=$isa "$here/build/castwright" bench --json --only speech --rounds 1 --threads "$threads" --sentences "$sentences" |
            python3 -c 'import json, sys; b = json.load(sys.stdin); print(b["isa"], b["synthesis_seconds"], b["modelled_seconds"])' >> "$out/all"
    done
    tail -n $(($# + 1)) "$out/all" | awk -v i="$i" '{ printf "%s%s %.2f s for %.1f s", NR == 1 ? "round " i ": " : ", ", $1, $2, $3 } END { print "" }'
done
awk 'function ratios(what, k,    i, r, sum, low, high) {
         low = 1e9; high = sum = 0
         for (i = 1; i <= n; i++) {
             r = what == "sound" ? spent["peer", i] / sound["peer", i] * sound[k, i] / spent[k, i] : spent["peer", i] / spent[k, i]
             sum += log(r)
             if (r < low) low = r
             if (r > high) high = r
         }
         return sprintf("%.2f (%.2f to %.2f)", exp(sum / n), low, high)
     }
     { if (!($1 in count)) order[++names] = $1; i = ++count[$1]; spent[$1, i] = $2; sound[$1, i] = $3; factor[$1] += $2 / $3; n = i }
     END {
         printf "peer        real-time factor %.3f, %d rounds\n", factor["peer"] / n, n
         for (k = 2; k <= names; k++)
             printf "%-11s real-time factor %.3f; times as fast as the peer: per second of sound %s, for the same texts %s\n", order[k],
                    factor[order[k]] / n, ratios("sound", order[k]), ratios("texts", order[k])
     }' "$out/all"
