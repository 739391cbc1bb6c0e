#!/bin/bash
# kill_write.sh [KILLS] [castwright write options...]: kills `castwright write` KILLS (10) times at random moments, taking the talk up again
# each time, and compares the script with that of a run that nobody disturbed.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-10}
shift || true
[ $# -gt 0 ] || set -- "Why the sea has tides" --minutes 1
RANDOM=${SEED:-$$}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
now() { date +%s%N; }

start=$(now)
build/castwright write "$@" -q -o "$work/whole.md"
took=$((($(now) - start) / 1000000)) # ms
echo "undisturbed: $took ms, $(sha256sum <"$work/whole.md" | cut -c1-16)"
done=0 finished=0
while [ $done -lt "$kills" ] || [ ! -e "$work/talk.md" ]; do
    rm -f "$work/talk.md"
    build/castwright write "$@" -q -o "$work/talk.md" &
    pid=$!
    if [ $done -lt "$kills" ]; then
        ms=$(((RANDOM * 32768 + RANDOM) % (took * 2 / 3)))
        sleep $(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))
        kill -9 $pid 2>/dev/null || true
    fi
    code=0
    wait $pid 2>/dev/null || code=$?
    if [ $code = 137 ]; then
        done=$((done + 1)) # the journal has a mark after the plan and after each part; past the last one the talk is closed
        marks=$(grep '^{"done":' "$work/.talk.md.writing" 2>/dev/null | sort -u | wc -l || true)
        echo "kill $done after $ms ms: $([ "${marks:-0}" -gt 0 ] && echo "in part $marks" || echo "before the plan was made")"
    fi
    [ $code = 0 ] || [ $code = 137 ] || { echo "exit code $code" >&2; exit 1; }
    if [ -e "$work/talk.md" ]; then
        finished=$((finished + 1))
        cmp "$work/whole.md" "$work/talk.md" || { echo "the script of a run killed $done times differs" >&2; exit 1; }
        [ -z "$(ls -A "$work" | grep '^\.')" ] || { echo "left behind: $(ls -A "$work")" >&2; exit 1; }
    fi
done
echo "killed $done times; $finished scripts came out, all the same bytes"
