#!/usr/bin/env bash
# Writes docs/plots/: what the policies earn in the two Online Matching simulations, with 95 % intervals over seeds, and docs/results.md.
# Every line of a CSV is one run of: dotnet run -c Release --project src/Learner -- simulate …; the arguments are below. RECSYS_DATA names the directory of the data sets.
# JOBS runs at a time (default 2); a quarter of an hour on two cores. With arguments only those of truth, exact, catalogue, probe, rules, temperature, alpha and fresh
# are run; what the others left stays.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 RECSYS_DATA=${RECSYS_DATA:-../shared/data}
dotnet build -c Release -v quiet src/Learner >&2
export learner=src/Learner/bin/Release/net10.0/Recsys.Learner.dll
out=docs/plots
mkdir -p $out
sets="ml-latest-small ml-100k"
wanted=" ${*:-truth exact catalogue probe rules temperature alpha fresh} "

field() { sed -nE "s/.*\"$1\":([-0-9.eE+]+|null).*/\1/p" <<<"$json"; }
# columns series x seed arguments… -> series,x,seed,fields…; of "attained@N" the value after N rounds.
run() {
  local columns=$1 series=$2 x=$3 seed=$4 column line curve json
  shift 4
  curve=$(mktemp)
  json=$(dotnet "$learner" simulate "$@" --seed "$seed" --curve "$curve" --json 2>/dev/null | tail -1)
  line=$series,$x,$seed
  for column in ${columns//,/ }; do
    case $column in
    attained@*) line+=,$(sed -nE "s/^${column#*@},//p" "$curve") ;;
    *) line+=,$(field "$column") ;;
    esac
  done
  rm "$curve"
  echo "$line"
}
export -f run field
# Reads lines of series, x, seed and arguments; sorted, so that the file does not depend on which run ends first.
sweep() { # file columns
  local lines
  lines=$(cat)
  [[ $wanted == *" $1 "* ]] || return 0
  {
    echo "series,x,seed,${2//@/}"
    xargs -P "${JOBS:-2}" -I{} bash -c "run $2 {}" <<<"$lines" |
      awk -v name="$1" -v total="$(wc -l <<<"$lines")" '{ print; fflush(); if (NR % 10 == 0 || NR == total) print name ": " NR " of " total > "/dev/stderr" }' |
      sort -t, -k1,1 -k2,2g -k3,3n
  } >"$out/$1.csv"
}
ratings() { echo "catalogue --ratings $RECSYS_DATA/ratings/$1/ratings.csv.gz --batch 25"; }
# A quarter of the world of the specification: as many decisions per edge in a quarter of the rounds, so that a quarter of the delay is the same H.
toy="world --set clusters=16 --set items=500 --rounds 40000"

# The hidden truth alone: no policy's result is looked at.
for set in $sets; do
  for half in later earlier; do
    for recipe in "0 12 4" "8 8 4" "8 12 2" "8 12 4" "8 12 8" "8 12 16" "8 16 4" "32 8 4" "32 12 4" "32 16 4"; do
      read -r rank ridge bias <<<"$recipe"
      echo "$set-$half $rank/$ridge/$bias 1 $(ratings "$set") --policy random --rounds 1 --set truth=$half --set truthRank=$rank --set truthRidge=$ridge --set truthBiasRidge=$bias"
    done
  done
done | sweep truth ratingError,logLoss,constantLogLoss

# The best of this grid is the exact LinUCB of everything below.
for set in $sets; do
  for seed in 1 2; do
    for alpha in 0.03 0.1 0.3; do
      echo "$set-optimistic $alpha $seed $(ratings "$set") --rounds 20000 --policy exact-lin-ucb --set alpha=$alpha --set weights=normalized"
      echo "$set-optimistic-raw $alpha $seed $(ratings "$set") --rounds 20000 --policy exact-lin-ucb --set alpha=$alpha --set weights=raw"
      echo "$set-thompson $alpha $seed $(ratings "$set") --rounds 20000 --policy exact-lin-ucb --set alpha=$alpha --set selection=thompson"
    done
  done
done | sweep exact attained
best() { # set -> the options of the series and alpha with the largest mean
  awk -F, -v set="$1" 'index($1, set "-") == 1 { k = substr($1, length(set) + 2) " " $2; s[k] += $4 } END { for (k in s) if (b == "" || s[k] > s[b]) b = k; print b }' $out/exact.csv |
    sed -E 's/^optimistic-raw (.*)/--set weights=raw --set alpha=\1/; s/^optimistic (.*)/--set weights=normalized --set alpha=\1/; s/^thompson (.*)/--set selection=thompson --set alpha=\1/'
}

for set in $sets; do
  for seed in 1 2 3; do
    echo "$set-exact-lin-ucb 1 $seed $(ratings "$set") --rounds 200000 --policy exact-lin-ucb $(best "$set")"
    for policy in diag-lin-ucb greedy-two-tower ucb1 epsilon-greedy epsilon-greedy-edges random; do
      echo "$set-$policy 1 $seed $(ratings "$set") --rounds 200000 --policy $policy"
    done
  done
done | sweep catalogue attained@10000,attained@50000,attained@200000,calibration,learnedPerSecond,stateBytes,exactLearnedPerSecond,exactStateBytes

selections="thompson optimistic top-k pending"
for seed in 1 2 3; do
  for delay in 0 250 2500 10000; do
    for selection in $selections; do
      echo "$selection $delay $seed $toy --delay $delay --set selection=$selection"
    done
    for selection in optimistic pending; do
      echo "paper-${selection/optimistic/argmax} $delay $seed $toy --delay $delay --set estimate=diagonal --set selection=$selection --set alpha=3 --set unexploredShare=0 --set floor=0"
    done
    for rival in exact-lin-ucb ucb1 epsilon-greedy-edges; do
      echo "$rival $delay $seed $toy --delay $delay --policy $rival"
    done
  done
done | sweep rules attained

for seed in 1 2 3; do
  for temperature in 0.03 0.1 0.3; do
    for clusters in 1 5 10; do
      for estimate in diagonal calibrated pooled; do
        echo "$estimate-K$clusters $temperature $seed $toy --rounds 10000 --set estimate=$estimate --set clustersPerUser=$clusters --set clusterTemperature=$temperature"
      done
    done
  done
done | sed 's/--rounds 40000 //' | sweep temperature attained,calibration

for seed in 1 2 3; do
  for alpha in 0.1 0.3 0.5 1; do
    # The pooled estimate finds its own prior.
    echo "pooled $alpha $seed $toy --delay 250 --set alpha=$alpha"
    for prior in 0.1 1 10; do
      echo "calibrated-d0=$prior $alpha $seed $toy --delay 250 --set estimate=calibrated --set alpha=$alpha --set priorWeight=$prior"
    done
  done
done | sweep alpha attained

for clusters in 1 5 10 20; do
  for temperature in 0.03 0.1 0.3 1; do
    echo "K=$clusters $temperature 1 world --probe --set clustersPerUser=$clusters --set clusterTemperature=$temperature"
  done
done | sweep probe diagonal,calibrated,pooled,exact,effectiveClusters

for seed in 1 2 3; do
  for policy in diag-lin-ucb exact-lin-ucb epsilon-greedy-edges ucb1 greedy-two-tower; do
    for set in $sets; do
      echo "$set-$policy 0.1 $seed $(ratings "$set") --rounds 50000 --set fresh=0.1 --policy $policy"
    done
    echo "toy-$policy 0.1 $seed $toy --set fresh=0.1 --policy $policy"
  done
done | sweep fresh attained,shown,roundsToShow,candidaciesToShow,good,found,roundsToFind

dotnet run docs/plots/plot.cs -- $out >&2
docs/plots/results.sh >docs/results.md
