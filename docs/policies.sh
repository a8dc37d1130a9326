#!/usr/bin/env bash
# Writes docs/policies.md, which policy to choose, and the CSV files and plots behind it in docs/plots. RECSYS_DATA names the directory of the data sets. JOBS runs
# at a time (default 2); half an hour on two cores. With arguments only those of classification, hard, optimizers are run; what the others left stays. KINDS, SETS and SEEDS narrow
# classification down; other lines of its files stay.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 RECSYS_DATA=${RECSYS_DATA:-../shared/data}
dotnet build -c Release -v quiet src/Learner >&2
# Measured from a copy, so that a build in between does not change what is measured.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r src/Learner/bin/Release/net10.0 "$work/bin"
export work
out=docs/plots
kinds=${KINDS:-epsilon-greedy lin-ucb linear-square-cb neural-epsilon-greedy neural-linear neural-ts neural-ucb neu-square-cb neu-fast-cb}
sets=${SETS:-mushroom magic adult pendigits covertype-20k mnist-10k plants-margin plants-texture}
wanted=" ${*:-classification hard optimizers} "

# set kind seed arguments… -> set,kind,seed,regret,afterShift,squaredError,microseconds
run() {
  local set=$1 kind=$2 seed=$3 series=$4 json
  shift 4
  field() { sed -nE "s/.*\"$1\":([-0-9.eE+]+|null).*/\1/p" <<<"$json"; }
  json=$(dotnet "$work/bin/Recsys.Learner.dll" simulate classification --data "$RECSYS_DATA/classification/$set/data.csv.gz" --policy "$kind" --rounds 10000 --seed "$seed" \
    --curve "$work/$set.$series.$seed.curve" --json "$@" 2>/dev/null | tail -1)
  echo "$set,$series,$seed,$(field regret),$(field regretAfterShift),$(field squaredError),$(awk -v n="$(field learnedPerSecond)" 'BEGIN { printf "%.0f", 1e6 / n }')"
}
export -f run
# Reads lines of set, kind, seed, series and arguments.
sweep() { # file
  local lines
  lines=$(cat)
  xargs -P "${JOBS:-2}" -I{} bash -c "run {}" <<<"$lines" |
    awk -v name="$1" -v total="$(wc -l <<<"$lines")" '{ print; fflush(); if (NR % 10 == 0 || NR == total) print name ": " NR " of " total > "/dev/stderr" }' |
    sort >"$work/$1.csv"
}
# Puts the new lines into a file, in the place of old lines of the same first two columns.
merge() { # file header
  { grep -v -F -f <(cut -d, -f1,2 "$work/$1.csv" | sort -u | sed 's/$/,/') "$out/$1.csv" 2>/dev/null | grep -v "^$2" || true; cat "$work/$1.csv"; } | sort -u >"$work/merged"
  { echo "$2"; cat "$work/merged"; } >"$out/$1.csv"
}
header=set,series,seed,regret,regretAfterShift,squaredError,microseconds

if [[ $wanted == *" classification "* ]]; then
  for seed in ${SEEDS:-1 2 3 4 5}; do for set in $sets; do for kind in $kinds; do echo "$set $kind $seed $kind"; done; done; done | sweep classification
  merge classification $header
  for set in $sets; do
    # Forty points are enough for a picture.
    for curve in "$work/$set".*.curve; do
      name=${curve#"$work/$set."}
      name=${name%.curve}
      awk -F, -v series="${name%.*}" -v seed="${name##*.}" 'NR > 1 && $1 % 250 == 0 { print series "," $1 "," seed "," $2 }' "$curve"
    done | sort -t, -k1,1 -k2,2g -k3,3n >"$work/regret-$set.csv"
    kept=$(grep -v -E "^(series|$(tr ' ' '|' <<<"$kinds"))," "$out/regret-$set.csv" 2>/dev/null || true)
    { echo series,rounds,seed,regret; { cat "$work/regret-$set.csv"; if [ -n "$kept" ]; then echo "$kept"; fi; } | sort -t, -k1,1 -k2,2g -k3,3n; } >"$out/regret-$set.csv"
  done
fi
rm -f "$work"/*.curve

if [[ $wanted == *" hard "* ]]; then
  for seed in 1 2 3; do
    for set in magic pendigits covertype-20k; do
      for kind in neu-square-cb neu-fast-cb; do
        echo "$set $kind $seed $kind"
        echo "$set $kind $seed $kind:delay-256 --delay 256"
        echo "$set $kind $seed $kind:batch-128 --batch 128"
        echo "$set $kind $seed $kind:shift --shift-at 5000"
        echo "$set $kind $seed $kind:shift-unwatched --shift-at 5000 --set drift=off"
      done
    done
  done | sweep hard
  merge hard $header
  # Wrong decisions per thousand before the shift, and in the last thousand after it.
  for curve in "$work"/*:shift.*.curve; do
    awk -F, -v file="$(basename "$curve" .curve)" '{ at[$1] = $2 } END { split(file, part, "."); print part[1] "," part[2] "," part[3] "," at[5000] - at[4000] "," at[6000] - at[5000] "," at[10000] - at[9000] }' "$curve"
  done | sort >"$work/recovery.csv"
  { echo set,series,seed,before,first,last; cat "$work/recovery.csv"; } >"$out/recovery.csv"
fi

if [[ $wanted == *" optimizers "* ]]; then
  # One network, so that it is the rule that is compared; every rule at three rates a factor of three apart, around a rate at which it learns at all.
  for seed in 1 2; do
    for set in magic pendigits covertype-20k; do
      for rule in "adamw 0.001 0.003 0.01" "adopt 0.001 0.003 0.01" "diffgrad 0.002 0.006 0.02" "adan 0.001 0.003 0.01" "lion 0.0001 0.0003 0.001" "adagrad 0.01 0.03 0.1" \
        "sgd 0.03 0.1 0.3" "momentum 0.03 0.1 0.3" "optimistic 0.3 1 3" "sgd-sai 0.03 0.1 0.3"; do
        read -r name rates <<<"$rule"
        for rate in $rates; do
          for how in constant shifting; do
            echo "$set neu-fast-cb $seed $name:$rate:$how --shift-at 5000 --set networks=1 --set optimizer=$name --set rate=$rate --set rateRule=$how"
          done
        done
      done
    done
  done | sweep optimizers
  merge optimizers $header
fi

dotnet run docs/plots/plot.cs -- $out >&2
docs/plots/which-policy.sh >docs/policies.md
