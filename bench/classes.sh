#!/usr/bin/env bash
# Is one kernel class heard to be worse than another? Every line of a text file in some voices by each class, and all of it judged:
# WER by Whisper base, DNSMOS; and sentence by sentence beside the first class.
#   bench/classes.sh EVAL SCRIPTS SENTENCES OUT [CLASS...]     (as in bench/quality.sh; classes as CASTWRIGHT_ISA names them)
# $CASTWRIGHT names another program than the one built here, $VOICES other voices.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
eval=$1 scripts=$2 sentences=$3 out=$4; shift 4
[ $# -gt 0 ] || set -- avx512 avx512vnni avx2
here=$(cd "$(dirname "$0")/.." && pwd)
castwright=${CASTWRIGHT:-$here/build/castwright}
for class; do
    : > "$out-$class.tsv"
    for voice in ${VOICES:-af_heart am_michael bf_emma}; do
        mkdir -p "$out-$class/$voice"
        n=0
        while IFS= read -r line; do
            [ -n "$line" ] || continue
            wav=$(printf '%s/%s/%03d.wav' "$out-$class" "$voice" "$n")
            CASTWRIGHT_ISA=$class "$castwright" say "$line" --voice "$voice" -o "$wav" -q > /dev/null
            printf '%s\t%s\n' "$wav" "$line" >> "$out-$class.tsv"
            n=$((n + 1))
        done < "$sentences"
    done
done
for class; do
    "$eval/venv/bin/python" "$scripts/judge.py" --models "$eval/models" "$out-$class.tsv" > "$out-$class.verdict" 2> /dev/null
    printf '%-12s %s\n' "$class" "$(tail -n 1 "$out-$class.verdict")"
    paste "$out-$class.verdict" "$out-$1.verdict" | awk -F '\t' -v class="$class" -v first="$1" '
        split($1, a, " ") && split($2, b, " ") && a[1] ~ /^[0-9.]+$/ { d = a[2] - b[2]; w += a[1] != b[1]; n++; sum += d; squares += d * d }
        END { if (n > 1 && class != first)
                  printf "%-12s beside %s: DNSMOS %+.4f, standard error %.4f; another WER in %d of %d clips\n", class, first, sum / n,
                         sqrt((squares - sum * sum / n) / (n - 1) / n), w, n }'
done
