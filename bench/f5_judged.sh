#!/usr/bin/env bash
# Says every line of a text file by F5 and has it judged: WER by Whisper base and DNSMOS of each, and how like the speaker it sounds.
#   bench/f5_judged.sh EVAL SCRIPTS SENTENCES OUT VOICE [RECORDING...]
#     EVAL, SCRIPTS  as in bench/quality.sh; SCRIPTS has similarity.py as well
#     SENTENCES      one sentence a line                 OUT  where wavs, lists and verdicts go
#     VOICE          a zero-shot voice, with RECORDINGs of its speaker that it was not shown; or a stock voice, which Kokoro shows to F5: it
#                    is compared with Kokoro's own sound of the same sentences, which is judged too
# Needs: castwright models import, of an F5 checkpoint and of a Vocos one.
set -euo pipefail
[ $# -ge 5 ] || { sed -n '2,8s/^# //p' "$0" >&2; exit 2; }
eval=$1 scripts=$2 sentences=$3 out=$4 voice=$5; shift 5
here=$(cd "$(dirname "$0")/.." && pwd)
python=$eval/venv/bin/python
say() { # ENGINE: OUT/ENGINE/NNN.wav and OUT/ENGINE.tsv
    local n=0 line wav
    mkdir -p "$out/$1"
    : > "$out/$1.tsv"
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        wav=$(printf '%s/%s/%03d.wav' "$out" "$1" "$n")
        "$here/build/castwright" say "$line" --voice "$voice" --engine "$1" -o "$wav" -q > /dev/null
        printf '%s\t%s\n' "$wav" "$line" >> "$out/$1.tsv"
        n=$((n + 1))
    done < "$sentences"
}
judge() {
    "$python" "$scripts/judge.py" --models "$eval/models" "$out/$1.tsv" > "$out/$1.verdict" 2> "$out/$1.log"
    printf '%-7s %-12s %s\n' "$1" "$voice" "$(tail -n 1 "$out/$1.verdict")"
}
mkdir -p "$out"
say f5
judge f5
if [ $# -eq 0 ]; then
    say kokoro
    judge kokoro
    set -- "$out"/kokoro/*.wav
fi
printf '%-7s %-12s %s\n' f5 "$voice" "$("$python" "$scripts/similarity.py" --models "$eval/models" --enrol "$@" --test "$out"/f5/*.wav 2> "$out/similarity.log")"
