#!/usr/bin/env bash
# Says every line of a text file in some voices with castwright and with a peer (Kokoro in ONNX Runtime), and has both judged:
# WER by Whisper base, DNSMOS.
#   bench/quality.sh EVAL SCRIPTS SENTENCES OUT [VOICE...]
#     EVAL       folder with venv/ and models/ of the judges      SCRIPTS  folder with judge.py and peer_kokoro_ort.py
#     SENTENCES  one sentence a line                              OUT      where wavs, lists and verdicts go
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
eval=$1 scripts=$2 sentences=$3 out=$4; shift 4
[ $# -gt 0 ] || set -- af_heart am_michael bf_emma
here=$(cd "$(dirname "$0")/.." && pwd)
python=$eval/venv/bin/python
mkdir -p "$out"
for voice; do
    mkdir -p "$out/ours-$voice"
    n=0; : > "$out/ours-$voice.tsv"; : > "$out/peer-$voice.tsv"
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        wav=$(printf '%s/%s/%03d.wav' "$out" "ours-$voice" "$n")
        "$here/build/castwright" say "$line" --voice "$voice" -o "$wav" -q >/dev/null
        printf '%s\t%s\n' "$wav" "$line" >> "$out/ours-$voice.tsv"
        printf '%s/peer-%s/%03d.wav\t%s\n' "$out" "$voice" "$n" "$line" >> "$out/peer-$voice.tsv"
        n=$((n + 1))
    done < "$sentences"
    "$python" "$scripts/peer_kokoro_ort.py" --models "$eval/models" --voice "$voice" --threads 2 "$sentences" "$out/peer-$voice" > "$out/peer-$voice.log"
done
for voice; do
    for who in ours peer; do
        "$python" "$scripts/judge.py" --models "$eval/models" "$out/$who-$voice.tsv" > "$out/$who-$voice.verdict" 2>/dev/null
        printf '%-5s %-12s %s\n' "$who" "$voice" "$(tail -n 1 "$out/$who-$voice.verdict")"
    done
done
# The same sentence by both: the mean difference of DNSMOS and its standard error.
for voice; do
    paste "$out/ours-$voice.verdict" "$out/peer-$voice.verdict" | awk -F '\t' -v voice="$voice" '
        split($1, a, " ") && split($2, b, " ") && a[1] ~ /^[0-9.]+$/ { d = a[2] - b[2]; n++; sum += d; squares += d * d }
        END { if (n > 1) printf "ours - peer, %-12s DNSMOS %+.3f, standard error %.3f\n", voice, sum / n, sqrt((squares - sum * sum / n) / (n - 1) / n) }'
done
