#!/usr/bin/env bash
# Installs what the tests need, builds everything, runs every test project, and then every command of the README.
# The last line reads "N passed, N failed, N skipped"; the exit code is 0 only when nothing failed.
#
#   tests/run.sh              everything, the README too
#   tests/run.sh Api Learner  only the test projects whose names contain one of the words
#
# KAFKA_BOOTSTRAP=host:port  runs the Kafka tests against that broker instead of the in-process one
# RECSYS_DATA=directory      where the public data sets lie; tests that need one skip visibly without it
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { printf '\n== %s\n' "$*"; }

missing=()
for tool in redis-server curl; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
  say "Installing ${missing[*]}"
  if command -v apt-get >/dev/null; then
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "Install ${missing[*]} and run this again." >&2
    exit 1
  fi
fi

say "Building"
dotnet build Recsys.sln -c Release -v quiet

passed=0 failed=0 skipped=0 broken=()
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
for project in tests/*.Tests/*.csproj; do
  name=$(basename "$(dirname "$project")")
  if [ $# -gt 0 ]; then
    wanted=
    for word in "$@"; do case "$name" in *"$word"*) wanted=1 ;; esac; done
    [ -n "$wanted" ] || continue
  fi
  say "$name"
  log="$results/$name.log"
  code=0
  dotnet run -c Release --no-build --project "$project" -- -noLogo 2>&1 | tee "$log" | grep -vE '^\s*(Discover|Starting)' || true
  code=${PIPESTATUS[0]}
  # xunit closes with: "=== TEST EXECUTION SUMMARY ===" and "Total: 12, Errors: 0, Failed: 0, Skipped: 1, Not Run: 0, Time: 1.2s"
  summary=$(grep -oE 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -1 || true)
  if [ -z "$summary" ]; then
    broken+=("$name ended without a summary")
    failed=$((failed + 1))
    continue
  fi
  read -r total errors bad skip <<<"$(grep -oE '[0-9]+' <<<"$summary" | tr '\n' ' ')"
  passed=$((passed + total - bad - skip)) failed=$((failed + bad + errors)) skipped=$((skipped + skip))
  if [ "$code" != 0 ] && [ "$bad" = 0 ] && [ "$errors" = 0 ]; then
    broken+=("$name exited with $code")
    failed=$((failed + 1))
  fi
done

if [ $# = 0 ]; then
  say "README"
  if tests/readme.sh; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1)) broken+=("A command of the README failed")
  fi
fi

printf '\n'
for line in "${broken[@]}"; do echo "Broken: $line"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
