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
catalogue_rounds=20000

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
  cat <<TEXT

## Catalogue

Attained is the share of the possible gain over a uniform choice among the same candidates, over $catalogue_rounds rounds. With
\`context=clusters\`, the default, all policies know the same: the weights of the user's clusters and the ids of the items. With
\`context=vectors\` the linear ones read factorised vectors of user and items, made from half of the ratings that the hidden reward
model, a factorisation too, is made from; a good linear model of them is nearly that model. \`greedy-two-tower\` goes by their inner
product alone and learns nothing: what it attains is what the offline half knew before. \`epsilon-greedy-edges\` is epsilon-greedy on
the sums of diag-lin-ucb. No experiment can name these two.
TEXT
  catalogue() { # set context policies…
    local set=$1 context=$2
    shift 2
    printf '\n### %s, policies see %s\n\n```\n' "$set" "$context"
    # shellcheck disable=SC2016
    echo 'dotnet run -c Release --project src/Learner -- simulate catalogue --ratings $RECSYS_DATA/ratings/'"$set/ratings.csv.gz --policy KIND --rounds $catalogue_rounds --seed S --set context=$context --json"
    printf '```\n\n| policy | seed 1 | seed 2 | seed 3 | mean |\n|---|---|---|---|---|\n'
    for policy in "$@"; do
      row "$policy" attained %.3f $learner simulate catalogue --ratings "$RECSYS_DATA/ratings/$set/ratings.csv.gz" --rounds $catalogue_rounds --set "context=$context"
    done
  }
  for set in ml-latest-small ml-100k; do
    catalogue $set clusters uniform epsilon-greedy lin-ucb linear-square-cb diag-lin-ucb epsilon-greedy-edges greedy-two-tower
    catalogue $set vectors epsilon-greedy lin-ucb linear-square-cb
  done
  cat <<TEXT

## Toy world

Attained in the synthetic world of the Online Matching specification, 150,000 rounds, rewards learned at once and 10,000 rounds late
(2.6 decisions per edge before the first reward counts).
TEXT
  world() { # delay
    printf '\n### Delay %s\n\n```\n' "$1"
    echo "dotnet run -c Release --project src/Learner -- simulate world --policy KIND --delay $1 --seed S --json"
    printf '```\n\n| policy | seed 1 | seed 2 | seed 3 | mean |\n|---|---|---|---|---|\n'
    for policy in uniform epsilon-greedy lin-ucb diag-lin-ucb; do
      row "$policy" attained %.3f $learner simulate world --delay "$1"
    done
    row diag-lin-ucb attained %.3f $learner simulate world --delay "$1" --set estimate=diagonal --set selection=optimistic --set alpha=3 --set floor=0 |
      sed 's/| diag-lin-ucb |/| argmax of the paper'"'"'s bound (`estimate=diagonal selection=optimistic alpha=3 floor=0`) |/'
  }
  world 0
  world 10000
  cat docs/plots/section.txt
} >docs/results.md.new
mv docs/results.md.new docs/results.md
