#!/usr/bin/env bash
# Writes docs/results.md: the regret of the policies on public data, three seeds each, with the commands that give every number.
# The last section is what docs/plots.sh wrote last. Needs the data sets: RECSYS_DATA names their directory (default: ../shared/data beside the repository).
set -euo pipefail
cd "$(dirname "$0")/.."
export RECSYS_DATA=${RECSYS_DATA:-../shared/data} DOTNET_NOLOGO=1
dotnet build -c Release -v quiet src/Learner >&2
learner="dotnet src/Learner/bin/Release/net10.0/Recsys.Learner.dll"
seeds="1 2 3"
rounds=10000

field() { sed -nE "s/.*\"$1\":([-0-9.eE+]+).*/\1/p"; }
policies=$($learner simulate --help | sed -nE 's/.*Policies: (.*)\..*/\1/p' | tr -d ,)
known() { [[ " $policies " == *" $1 "* ]]; }

# One line per policy: every seed's value of a field and their mean; the format is that of printf.
row() { # policy field format command…
  local policy=$1 name=$2 format=$3 line sum values=
  shift 3
  line="| $policy |"
  for seed in $seeds; do
    value=$("$@" --policy "$policy" --seed "$seed" --json 2>/dev/null | tail -1 | field "$name")
    values+="$value "
    # shellcheck disable=SC2059
    line+=$(printf " $format |" "$value")
  done
  sum=$(awk '{ for (i = 1; i <= NF; i++) s += $i; print s / NF }' <<<"$values")
  # shellcheck disable=SC2059
  printf "%s $format |\n" "$line" "$sum"
}

{
  cat <<TEXT
# Results

Written by \`docs/results.sh\`; every number but the mean is a field of the JSON line that the command above its table prints. Same
data, seeds and rounds for every policy, defaults throughout, rewards learned before the next decision (\`--delay 0 --batch 1\`).

## Classification

Regret is the number of wrong decisions in $rounds. The last column is the mean of the three seeds.
TEXT
  for set in mushroom magic adult pendigits; do
    printf '\n### %s\n\n```\n' "$set"
    # shellcheck disable=SC2016
    echo 'dotnet run -c Release --project src/Learner -- simulate classification --data $RECSYS_DATA/classification/'"$set/data.csv.gz --policy KIND --rounds $rounds --seed S --json"
    printf '```\n\n| policy | seed 1 | seed 2 | seed 3 | mean |\n|---|---|---|---|---|\n'
    for policy in uniform epsilon-greedy lin-ucb linear-square-cb; do
      known "$policy" || continue
      row "$policy" regret %.0f $learner simulate classification --data "$RECSYS_DATA/classification/$set/data.csv.gz" --rounds $rounds
    done
  done
  cat docs/plots/section.txt
} >docs/results.md.new
mv docs/results.md.new docs/results.md
