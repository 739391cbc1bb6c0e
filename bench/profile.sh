#!/usr/bin/env bash
# Where the time of speaking goes: `castwright bench --only speech` under perf, symbols gathered by what they do; of each part its share, and
# the milliseconds of a processor in a second of sound that the models make. On a quiet machine only.
#   bench/profile.sh [ROUNDS]       ($CASTWRIGHT_ISA names a kernel class; loading, front end and mastering are in it, many rounds thin them out)
set -euo pipefail
rounds=${1:-10}
own=$(cd "$(dirname "$0")/.." && pwd)/build/castwright
[ -x "$own" ] || { echo "profile.sh: $own: expected the program there, found nothing; run: make" >&2; exit 3; }
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
perf record -q -o "$out/perf" -e cpu-clock -F 1999 "$own" bench --only speech --rounds "$rounds" --json > "$out/bench"
perf report -i "$out/perf" --no-children -g none --sort symbol -F sample,symbol -t '|' 2> /dev/null | grep -v '^#' > "$out/symbols"
python3 - "$out" << 'END'
import json, re, sys
bench = json.load(open(sys.argv[1] + "/bench"))
made = bench["modelled_seconds"]
parts = (("products in 16 bits", r"dot_tile_|conv16"),
         ("products in float32, long convolutions", r"product_tile_"),
         ("products in float32, all others", r"conv_tile_"),
         ("inverse transforms, residual, statistics", r"fast_store_"),
         ("transforms and rounding", r"fast_forward|conv_fast|fixed_row|peak$|fast_norm|weights_of|run_blocks"),
         ("AdaIN and Snake", r"affine_row|column_stats|sums_join|cw_norm"),
         ("LSTM, attention, depthwise convolutions, layer norm", r"lstm|attention|depthwise|layer_norm|softmax|gelu"),
         ("source, STFT, gates: sine, exponential, arc tangent",
          r"sin_|sincos|atan2|exp|tanh|log_|source_task|stft|spectrum|analyse_task|normals|gauss|fft|n1_|t1_|q1_|r2c"),
         ("threads waiting and started", r"\[\.\] work$|pool_run|futex|mutex"),
         ("opening: sums, packing", r"sum_of|pack_|fast_points|do_lookup|dl_"),
         ("the system", r"\[k\]"))
total, rest, found = 0, {}, {}
for line in open(sys.argv[1] + "/symbols"):
    if "|" not in line:
        continue
    n, symbol = line.split("|")[:2]
    n, symbol = int(n), re.sub(r"\s*\|?-.*$", "", symbol).strip()
    total += n
    part = next((name for name, what in parts if re.search(what, symbol)), None)
    if part is None:
        part = "front end, mastering, everything else"
        rest[symbol] = rest.get(symbol, 0) + n
    found[part] = found.get(part, 0) + n
print("%s, %d threads, %.0f s of sound made, %.1f processor seconds" % (bench["isa"], bench["threads"], made, total / 1999))
for part, n in sorted(found.items(), key=lambda x: -x[1]):
    print("%5.1f %%  %6.1f ms  %s" % (100 * n / total, 1000 * n / 1999 / made, part))
print("of everything else: " + ", ".join("%s %.1f %%" % (s[4:], 100 * n / total) for s, n in sorted(rest.items(), key=lambda x: -x[1])[:6]))
END
