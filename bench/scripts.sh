#!/bin/sh
# The twelve scripts: three topics and one document, asked for at 3, 10 and 20 minutes each, and their measures as a Markdown table.
#
#   bench/scripts.sh FOLDER [MINUTES...]            writes what is not there yet, then prints the table
#   RENDER="tides-3 quakes-3" bench/scripts.sh ...  renders these as well: their length is then the episode's
#   SERVER=PATH bench/scripts.sh ...                through llama.cpp's server (make llama-server), by endpoint.sh: faults in between, all
#                                                   talks that are missing side by side, in a slot of the server each
#
# A script that is there stays; one that was cut off goes on. CASTWRIGHT: the program (build/castwright); LLM: a GGUF file (the default
# model); SEED: 1; THREADS: as many as cores; NAMES: tides honey sleep quakes; TABLE=1: prints the table only.
set -eu
out=${1:?usage: bench/scripts.sh FOLDER [MINUTES...]}
shift
here=$(cd "$(dirname "$0")/.." && pwd)
cw=$(realpath "${CASTWRIGHT:-$here/build/castwright}")
[ $# -gt 0 ] || set -- 3 10 20
mkdir -p "$out"
out=$(realpath "$out")

topic() {
    case $1 in
    tides) echo "Why the sea has tides" ;;
    honey) echo "How bees make honey" ;;
    sleep) echo "Why we need sleep" ;;
    quakes) echo "What earthquakes are, and what they are not" ;;
    esac
}

# NAME MINUTES: by the model in this process.
write_here() {
    base=$out/$1-$2
    set -f
    from=
    [ "$1" != quakes ] || from="--from $here/samples/earthquakes.md"
    start=$(date +%s)
    "$cw" write "$(topic "$1")" --minutes "$2" --seed "${SEED:-1}" ${LLM:+--llm "$LLM"} ${THREADS:+--threads "$THREADS"} $from -o "$base.md" >"$base.log" 2>&1 ||
        echo "$base: failed: $(sed -n '$p' "$base.log")" >&2
    echo "$(($(date +%s) - start)) s" >"$base.took"
    set +f
}

# NAME MINUTES: through the server at $port.
write_through() {
    base=$out/$1-$2
    from=
    [ "$1" != quakes ] || from=$here/samples/earthquakes.md
    FROM=$from PORT=$port CASTWRIGHT=$cw KEEP=$base.md TIMEOUT=${TIMEOUT:-600} "$here/bench/endpoint.sh" "$2" "$model" "$(topic "$1")" >"$base.log" 2>&1 ||
        echo "$base: failed: $(sed -n '$p' "$base.log")" >&2
}

missing=
talks=0
for minutes; do
    for name in ${NAMES:-tides honey sleep quakes}; do
        [ "${TABLE:-0}" = 0 ] && [ ! -e "$out/$name-$minutes.md" ] || continue
        missing="$missing $name $minutes"
        talks=$((talks + 1))
    done
done
port=$((20000 + $$ % 20000))
model=${LLM:-${CASTWRIGHT_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/castwright/models}/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf}
pids=
if [ -n "${SERVER:-}" ] && [ $talks -gt 0 ]; then
    "$SERVER" -m "$model" --host 127.0.0.1 --port $port -c $((8192 * talks)) -np $talks -t "${THREADS:-$(nproc)}" >"$out/server.log" 2>&1 &
    pid=$!
    trap 'kill $pid' EXIT
fi
set -- $missing
while [ $# -gt 0 ]; do
    if [ -n "${SERVER:-}" ]; then
        write_through "$1" "$2" &
        pids="$pids $!"
    else
        write_here "$1" "$2"
    fi
    shift 2
done
[ -z "$pids" ] || wait $pids
for name in ${RENDER:-}; do
    [ -e "$out/$name/manifest.json" ] || "$cw" render "$out/$name.md" -o "$out/$name" -q
done

python3 - "$cw" "$out" <<'PY'
import glob, json, os, re, subprocess, sys
cw, out = sys.argv[1:]
order = lambda p: (int(re.search(r"-(\d+)\.md$", p).group(1)), "thsq".index(os.path.basename(p)[0]))
paths = sorted((p for p in glob.glob(out + "/*-*.md") if re.search(r"/(tides|honey|sleep|quakes)-\d+\.md$", p)), key=order)
stats = json.loads(subprocess.run([cw, "script-stats", "--json", *paths], capture_output=True, text=True, check=True).stdout) if paths else []
print("| script | length, s (of asked) | rendered | words | turns, variation | hosts | 5-word runs before | sentences twice | greetings again |"
      " empty openers twice | stating turns on a passage | figures in it, flagged |")
print("|---|---|---|---|---|---|---|---|---|---|---|---|")
for path, s in zip(paths, stats):
    asked = int(re.search(r"-(\d+)\.md$", path).group(1)) * 60
    log = open(path[:-3] + ".log").read() if os.path.exists(path[:-3] + ".log") else ""
    found = re.findall(r"([\d.]+) s when spoken", log)
    length = f"{float(found[-1]):.0f} ({100 * float(found[-1]) / asked - 100:+.1f} %)" if found else ""
    manifest = path[:-3] + "/manifest.json"
    rendered = ""
    if os.path.exists(manifest):
        m = json.load(open(manifest))
        seconds = m.get("sound", m).get("seconds")
        rendered = f"{seconds:.1f} ({100 * seconds / asked - 100:+.1f} %)"
    hosts = "/".join(f"{100 * h['share']:.0f}" for h in s["hosts"]) + " %"
    sourced = f"{s['turns_stating_traced']} of {s['turns_stating']}" if s["passages"] else ""
    figures = f"{s['figures_cited']} of {s['figures']}, {s['figures_flagged']}" if s["passages"] else ""
    print(f"| {os.path.basename(path)[:-3]} | {length} | {rendered} | {s['words']} | {s['turns']}, {s['turn_variation']:.2f} | {hosts} |"
          f" {100 * s['run_share']:.1f} % | {s['sentences_repeated']} of {s['sentences']} | {s['greetings_repeated']} |"
          f" {s['openers_banned_twice']} | {sourced} | {figures} |")
PY
