#!/bin/bash
# Runs a command with a sound card that is not there, and records what it plays:
#   tests/null_sink.sh captured.raw build/castwright render script.md -o episode --play
# captured.raw: float, little-endian, 24 kHz, mono; compare it with the episode's sound by tests/compare_capture.
# Needs pulseaudio, pulseaudio-utils, libasound2-plugins. The exit status is the command's.
set -uo pipefail
[ $# -ge 2 ] || { echo "usage: tests/null_sink.sh CAPTURED.raw COMMAND..." >&2; exit 2; }
for program in pulseaudio parec pactl; do
    command -v "$program" >/dev/null || { echo "null_sink: $program is not installed" >&2; exit 1; }
done
captured=$1
shift
dir=$(mktemp -d /tmp/cw-sink.XXXXXX) || exit 1
daemon= recorder=
finish() {
    [ -n "$recorder" ] && kill "$recorder" 2>/dev/null && wait "$recorder" 2>/dev/null
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

cat >"$dir/asound.conf" <<'CONF'
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
CONF
# the command keeps its own HOME (models live there); only sound's variables change
sound=(env -u PULSE_COOKIE -u PULSE_SERVER XDG_RUNTIME_DIR="$dir" PULSE_RUNTIME_PATH="$dir" ALSA_CONFIG_PATH="$dir/asound.conf")
HOME="$dir" "${sound[@]}" pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --disable-shm=yes \
    --load="module-null-sink sink_name=loop norewinds=1 rate=24000 channels=1 format=float32le" \
    --load="module-native-protocol-unix auth-anonymous=1 socket=$dir/native.sock" >/dev/null 2>&1 &
daemon=$!
sound+=(PULSE_SERVER="unix:$dir/native.sock")
wait_until() { # at most ten seconds
    for _ in $(seq 500); do "$@" && return 0; sleep 0.02; done
    echo "null_sink: the sound server or its recorder did not start" >&2
    exit 1
}
wait_until test -S "$dir/native.sock"
"${sound[@]}" parec --raw -d loop.monitor --format=float32le --rate=24000 --channels=1 --latency-msec=100 >"$captured" 2>/dev/null &
recorder=$!
wait_until test -s "$captured"

"${sound[@]}" "$@"
status=$?
sleep 0.5 # the recorder's own latency
exit $status
