#!/usr/bin/env bash
# Where the time of speaking goes: `castwright bench --only speech` under perf, symbols gathered by what they do; of each part its share, and
# the milliseconds of a processor in a second of sound that the models make. What one round takes is taken off, and so is all that is done
# once (opening, the front end by itself, first sounds, mastering). On a quiet machine only.
#   bench/profile.sh [ROUNDS]       ($CASTWRIGHT_ISA names a kernel class)
set -euo pipefail
rounds=${1:-10}
own=$(cd "$(dirname "$0")/.." && pwd)/build/castwright
[ -x "$own" ] || { echo "profile.sh: $own: expected the program there, found nothing; run: make" >&2; exit 3; }
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
for n in 1 $((rounds + 1)); do
    perf record -q -o "$out/perf" -e cpu-clock -F 1999 "$own" bench --only speech --rounds "$n" --json > "$out/bench.$n"
    perf report -i "$out/perf" --no-children -g none --sort symbol -F sample,symbol -t '|' 2> /dev/null | grep -v '^#' > "$out/symbols.$n"
done
python3 - "$out" "$rounds" << 'END'
import json, re, sys
first, last = (json.load(open("%s/bench.%d" % (sys.argv[1], n))) for n in (1, int(sys.argv[2]) + 1))
made = last["modelled_seconds"] - first["modelled_seconds"]
parts = (("products in 16 bits", r"dot_tile_|conv16"),
         ("products in float32, long convolutions", r"product_tile_"),
         ("products in float32, all others", r"conv_tile_"),
         ("inverse transforms, residual, statistics", r"fast_store_"),
         ("transforms and rounding", r"fast_forward|conv_fast|fixed_row|fast_norm|weights_of|run_blocks"),
         ("AdaIN and Snake", r"affine_row|column_stats|sums_join|cw_norm"),
         ("LSTM, attention, depthwise convolutions, layer norm", r"lstm|attention|depthwise|layer_norm|softmax|gelu"),
         ("source, STFT, gates: sine, exponential, arc tangent",
          r"sin_|sincos|atan2|exp|tanh|log_|source_task|stft|spectrum|analyse_task|normals|gauss|fft|n1_|t1_|q1_|r2c"),
         ("threads waiting and started", r"\[\.\] work$|pool_run|futex|mutex"),
         ("the system", r"\[k\]"))
counts = {}
for n, sign in (int(sys.argv[2]) + 1, 1), (1, -1):
    for line in open("%s/symbols.%d" % (sys.argv[1], n)):
        if "|" in line:
            samples, symbol = line.split("|")[:2]
            symbol = re.sub(r"\s*\|?-.*$", "", symbol).strip()
            counts[symbol] = counts.get(symbol, 0) + sign * int(samples)
total, rest, found = sum(counts.values()), {}, {}
for symbol, n in counts.items():
    part = next((name for name, what in parts if re.search(what, symbol)), None)
    if part is None:
        part = "front end, everything else"
        rest[symbol] = n
    found[part] = found.get(part, 0) + n
print("%s, %d threads, %.0f s of sound made, %.1f processor seconds" % (last["isa"], last["threads"], made, total / 1999))
for part, n in sorted(found.items(), key=lambda x: -x[1]):
    print("%5.1f %%  %6.1f ms  %s" % (100 * n / total, 1000 * n / 1999 / made, part))
print("of everything else: " + ", ".join("%s %.1f %%" % (s[4:], 100 * n / total) for s, n in sorted(rest.items(), key=lambda x: -x[1])[:6]))
END
