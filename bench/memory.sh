#!/usr/bin/env bash
# Peak memory of `render` over the length of the script: turns put together from the sentences of samples/*.md, no two alike, all new, two
# threads, mastering included. Every script begins with the longest sentences, so that its length alone makes the difference.
#   bench/memory.sh [MINUTES ...]    (5 and 90; a minute takes some 6 seconds of processor time)
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
own=$here/build/castwright
[ -x "$own" ] || { echo "memory.sh: $own: expected the program there, found nothing; run: make" >&2; exit 3; }
[ $# -gt 0 ] || set -- 5 90
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
for minutes; do
    python3 - "$minutes" "$here"/samples/*.md > "$out/talk.md" << 'END'
import random, re, sys
sentences = []
for path in sys.argv[2:]:
    for line in open(path, encoding="utf-8"):
        turn = re.match(r"(?:Maya|Tom): (.*)", line)
        if turn:
            sentences += re.findall(r"[A-Z][^.?!\[\]*]*[.?!](?= |$)", turn[1])
sentences = sorted({s for s in sentences if len(s.split()) > 3})
pick, said, words = random.Random(1), set(), 0
print("---\ntitle: A long talk\nlanguage: en-us\nseed: 1\ncast:\n  Maya: af_heart\n  Tom: am_michael\n---\n\n# All of it\n")
while words < 178 * float(sys.argv[1]):
    turn = " ".join(pick.sample(sentences, pick.choice((1, 1, 2))) if said else sorted(sentences, key=len)[-2:])
    if turn not in said:
        said.add(turn)
        words += len(turn.split())
        print("%s: %s" % ("Maya" if len(said) % 2 else "Tom", turn))
END
    "$own" render "$out/talk.md" --threads 2 -q -o "$out/$minutes" > "$out/said"
    python3 - "$out/$minutes/manifest.json" << 'END'
import json, sys
m = json.load(open(sys.argv[1]))
print("%d turns, %d:%02d: peak %.1f MiB" % (len(m["turns"]), *divmod(round(m["sound"]["seconds"]), 60), m["costs"]["peak_memory_mib"]))
END
    rm -rf "${out:?}/$minutes"
done
