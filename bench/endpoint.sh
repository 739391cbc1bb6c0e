#!/bin/bash
# endpoint.sh [MINUTES] [MODEL.gguf] [TOPIC]: a whole talk through llama.cpp's own server on the loopback, streamed, while a proxy between
# the two makes one request of four fail (429 with Retry-After, slow, cut, 500, HTML, garbage, a reply that is no JSON), then measured.
# EVERY: 4; PAUSE: of a slow one, seconds (2); THREADS: of the server; TIMEOUT: seconds of silence (60), more where other work keeps the machine busy; KEEP: where the script goes;
# FROM: a document that the talk is about; SEED: of the talk (1); PORT: of a server that runs already, for none to be started.
#
#   castwright write ─▶ build/release/tests/fault_proxy ─▶ $CASTWRIGHT_LLAMA_SERVER (make llama-server)
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-3}
models=${CASTWRIGHT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/castwright/models}
model=${2:-$models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf}
topic=${3:-Why the sea has tides}
every=${EVERY:-4}
threads=${THREADS:-$(nproc)}
work=$(mktemp -d)
port=${PORT:-$((20000 + $$ % 20000))}
pids=()
clean() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; rm -rf "$work"; }
trap clean EXIT

if [ -z "${PORT:-}" ]; then
    server=${CASTWRIGHT_LLAMA_SERVER:?"expected the path of llama.cpp's server: make llama-server tells it"}
    "$server" -m "$model" --host 127.0.0.1 --port "$port" -c 8192 -np 1 -t "$threads" >"$work/server.log" 2>&1 &
    pids+=($!)
fi
healthy() { (exec 4<>"/dev/tcp/127.0.0.1/$port" && printf 'GET /health HTTP/1.0\r\n\r\n' >&4 && grep -q ' 200 ' <&4) 2>/dev/null; }
for _ in $(seq 600); do
    healthy && break
    sleep 0.5
done
mkfifo "$work/stop"
build/release/tests/fault_proxy "$port" "$every" "${PAUSE:-2}" <"$work/stop" >"$work/proxy" &
pids+=($!)
exec 3>"$work/stop"
until [ -s "$work/proxy" ]; do sleep 0.1; done
through=$(head -n 1 "$work/proxy")

start=$(date +%s)
"${CASTWRIGHT:-build/castwright}" write "$topic" --minutes "$minutes" --seed "${SEED:-1}" ${FROM:+--from "$FROM"} -o "$work/talk.md" --endpoint "http://127.0.0.1:$through/v1" --llm-name local ${TIMEOUT:+--timeout "$TIMEOUT"} 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
echo "took $(($(date +%s) - start)) s"
exec 3>&-
sleep 0.5
tail -n 1 "$work/proxy"
grep -E "tokens|turns," "$work/log" | tail -n 4
"${CASTWRIGHT:-build/castwright}" script-stats --brief "$work/talk.md"
[ -z "${KEEP:-}" ] || cp "$work/talk.md" "$KEEP"
