#!/usr/bin/env bash
# Judges an episode turn by turn: WER (Whisper base) and DNSMOS of turns/KEY.wav against the transcript's text.
#   bench/judge_episode.sh EVAL SCRIPTS EPISODE     (EVAL, SCRIPTS as in bench/quality.sh; EPISODE: an episode's folder)
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
list=$(mktemp); trap 'rm -f "$list"' EXIT
"$1/venv/bin/python" - "$3" > "$list" <<'PY'
import json, sys
t = json.load(open(sys.argv[1] + "/transcript.json", encoding="utf-8"))
for turn in t["turns"]:
    print(f"{sys.argv[1]}/turns/{turn['key']}.wav\t" + " ".join(turn["text"].split()))
PY
"$1/venv/bin/python" "$2/judge.py" --models "$1/models" "$list" 2>/dev/null
