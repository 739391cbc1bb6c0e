#!/usr/bin/env bash
# Speed of whole synthesis, text to samples, beside a peer (Kokoro in ONNX Runtime, int8) on the same sentences and threads:
# the peer and every instruction set of this machine in turn, several rounds; ratios with their spread.
#   bench/against_ort.sh EVAL SCRIPTS SENTENCES [ROUNDS] [THREADS] [ISA...]     (EVAL, SCRIPTS as in bench/quality.sh)
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
eval=$1 scripts=$2 sentences=$3 rounds=${4:-3} threads=${5:-2}
shift $(($# < 5 ? $# : 5))
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- $("$here/build/castwright" doctor | sed -n 's/^ *kernels possible *//p' | sed 's/\bc$//')
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
for ((i = 1; i <= rounds; i++)); do
    "$eval/venv/bin/python" "$scripts/peer_kokoro_ort.py" --models "$eval/models" --threads "$threads" "$sentences" "$out" |
        sed -n 's/^all:.*real-time factor \([0-9.]*\),.*/peer \1/p' >> "$out/all"
    for isa; do
        CASTWRIGHT_ISA=$isa "$here/build/castwright" bench --json --only speech --rounds 1 --threads "$threads" --sentences "$sentences" |
            sed "s/.*\"real_time_factor\": \([0-9.]*\).*/$isa \1/" >> "$out/all"
    done
    tail -n $(($# + 1)) "$out/all" | awk -v i="$i" '{ printf "%s%s %.3f", NR == 1 ? "round " i ": " : ", ", $1, $2 } END { print "" }'
done
awk '$1 == "peer" { n++; peer[n] = $2; next }
     { if (!($1 in count)) order[++isas] = $1; count[$1]++; factor[$1, count[$1]] = $2 }
     END {
         for (k = 1; k <= isas; k++) {
             isa = order[k]; low = 1e9; high = sum = own = 0
             for (i = 1; i <= n; i++) {
                 r = peer[i] / factor[isa, i]; sum += log(r); own += factor[isa, i]
                 if (r < low) low = r
                 if (r > high) high = r
             }
             printf "%-11s %.2f times as fast as the peer (%.2f to %.2f in %d rounds); real-time factor %.3f\n", isa, exp(sum / n), low, high, n, own / n
         }
     }' "$out/all"
