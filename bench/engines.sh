#!/usr/bin/env bash
# The engines' speed side by side: a text file's sentences by our own mel model with HiFi-GAN, then by Kokoro, in turn; real-time factors and
# CPU seconds a second of speech, acoustic model and vocoder apart. On a machine that does nothing else.
#   bench/engines.sh SENTENCES OUT [VOICE [ROUNDS]]      SENTENCES: one a line; OUT: where the sounds go (OUT/mel, OUT/kokoro, each with
#                                                        a list.tsv for a judge); VOICE: af_heart; ROUNDS: 2
# Needs: make build/release/models/train/speak, castwright models fetch hifigan.
set -euo pipefail
[ $# -ge 2 ] && [ $# -le 4 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
sentences=$1 out=$2 voice=${3:-af_heart} rounds=${4:-2}
here=$(cd "$(dirname "$0")/.." && pwd)
speak=$here/build/release/models/train/speak
models=${CASTWRIGHT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/castwright/models}
mkdir -p "$out"
for ((round = 0; round < rounds; round++)); do
    "$speak" --voice "$voice" "$here/models/own/mel.gguf" "$models/hifigan.gguf" "$sentences" "$out/mel"
    "$speak" --voice "$voice" "$models/kokoro.gguf" "$models/kokoro.gguf" "$sentences" "$out/kokoro"
done
