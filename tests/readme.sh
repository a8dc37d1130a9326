#!/usr/bin/env bash
# Runs every ```bash block of the README, in order, in a throw-away copy of nothing but its own working directory: the services of the
# blocks marked <!-- background --> are started and waited for, everything else must exit with 0.
# Blocks marked <!-- tests --> are this very run and are left out. localhost:9092 and localhost:6379 stand for the reader's own Kafka and Redis; here
# they become the test broker and a private redis-server.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
services=()
finish() {
  for pid in "${services[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  sleep 1
  for pid in "${services[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
set -m

fail() { echo "README: $*" >&2; exit 1; }

# One file per block: NN.kind
awk -v out="$work" '
  /^<!-- (background|tests|distributed|stop) -->$/ { kind = $2; next }
  /^```bash$/ { n++; file = sprintf("%s/%02d.%s", out, n, kind == "" ? "plain" : kind); inside = 1; kind = ""; next }
  /^```/ { if (inside) close(file); inside = 0; next }
  inside { print > file }
' README.md
ls "$work"/*.* >/dev/null 2>&1 || fail "no bash block found"

wait_for() { # url seconds
  for _ in $(seq $(($2 * 5))); do curl -fsS -o /dev/null "$1" 2>/dev/null && return; sleep 0.2; done
  tail -n 30 "$work"/*.log >&2
  fail "$1 did not answer within $2 s"
}

stop_services() {
  for pid in "${services[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  for pid in "${services[@]}"; do wait "$pid" 2>/dev/null || true; done
  services=()
}

export Embedded__DataDirectory="$work/data"
broker= redis=
for block in "$work"/[0-9]*.*; do
  kind=${block##*.}
  [ "$kind" = tests ] && continue
  printf '\n-- %s\n' "$kind"; cat "$block"
  case "$kind" in
    background)
      bash -e "$block" >"$work/service.log" 2>&1 </dev/null &
      services+=($!)
      wait_for http://127.0.0.1:5080/health/ready 60
      ;;
    distributed)
      stop_services
      if [ -z "$broker" ]; then
        dotnet run -c Release --project tests/Broker >"$work/broker.log" 2>&1 </dev/null &
        services+=($!)
        for _ in $(seq 150); do grep -q '^bootstrap ' "$work/broker.log" && break; sleep 0.2; done
        broker=$(sed -n 's/^bootstrap //p' "$work/broker.log")
        [ -n "$broker" ] || fail "the test broker did not start: $(cat "$work/broker.log")"
        redis=127.0.0.1:16379
        redis-server --port 16379 --save '' --appendonly no >"$work/redis.log" 2>&1 &
        services+=($!)
      fi
      sed -e "s/localhost:9092/$broker/g" -e "s/localhost:6379/$redis/g" "$block" >"$block.run"
      Kafka__CreateTopics=false bash -e "$block.run" >"$work/distributed.log" 2>&1 </dev/null &
      services+=($!)
      wait_for http://127.0.0.1:5080/health/ready 60
      ;;
    *)
      bash -e "$block" </dev/null || { tail -n 30 "$work"/*.log >&2; fail "the block above failed"; }
      ;;
  esac
done
stop_services
printf '\nEvery command of the README ran.\n'
