#!/usr/bin/env bash
# Measures what an error memory is worth: writes docs/plots/memory.csv, from which the tables of docs/memory.md are. RECSYS_DATA names the directory of the data sets. JOBS runs at a time
# (default 2); a quarter of an hour on two cores. With arguments only those of shift, stream, ablation are run; what the others left stays.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 RECSYS_DATA=${RECSYS_DATA:-../shared/data}
dotnet build -c Release -v quiet src/Learner >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r src/Learner/bin/Release/net10.0 "$work/bin"
export work
wanted=" ${*:-shift stream ablation} "

# part data seed series arguments… -> part,data,series,seed,regret,regretAfterShift,logLoss,logLossAfterShift,auc
run() {
  local part=$1 data=$2 seed=$3 series=$4 json command
  shift 4
  field() { sed -nE "s/^\{[^{]*\"$1\":([-0-9.eE+]+|null).*/\1/p" <<<"$json"; }
  case $data in
    bank-*) command="stream --data $RECSYS_DATA/events/bank-marketing/$data.csv.gz --label y --ignore duration" ;;
    deskdrop) command="stream --data $RECSYS_DATA/events/deskdrop/events.csv.gz --label contentId --ignore sessionId --ignore eventType --time timestamp" ;;
    *) command="classification --data $RECSYS_DATA/classification/$data/data.csv.gz --policy neu-fast-cb --rounds 10000" ;;
  esac
  json=$(dotnet "$work/bin/Recsys.Learner.dll" simulate $command --seed "$seed" --json "$@" 2>/dev/null | tail -1)
  echo "$part,$data,$series,$seed,$(field regret),$(field regretAfterShift),$(field logLoss),$(field logLossAfterShift),$(field auc)"
}
export -f run

{
  [[ $wanted != *" shift "* ]] || for seed in 1 2 3 4 5; do for data in mushroom magic adult pendigits covertype-20k plants-margin; do for memory in off on; do
    echo "shift $data $seed $memory --memory $memory --shift-at 5000"
    echo "still $data $seed $memory --memory $memory"
  done; done; done
  [[ $wanted != *" stream "* ]] || for memory in off on; do
    echo "stream bank-additional-full 1 $memory --memory $memory"
    echo "stream bank-full 1 $memory --memory $memory"
    for seed in 1 2 3; do echo "stream deskdrop $seed $memory --memory $memory"; done
  done
  [[ $wanted != *" ablation "* ]] || for setting in arrays=16 arrays=32 arrays=128 bits=8 bits=10 bits=14 keys=input window=250 window=4000 renewAfter=250 renewAfter=100000 \
    evidence=20 evidence=20,lambda=0.3 evidence=20,lambda=0.7 evidence=1 gamma=0; do
    words=--memory-set\ ${setting//,/ --memory-set }
    for seed in 1 2 3; do for data in pendigits magic; do echo "ablation $data $seed ${setting//,/+} --memory on --shift-at 5000 $words"; done; done
    echo "ablation bank-additional-full 1 ${setting//,/+} --memory on $words"
  done
} >"$work/runs"
done=0
xargs -P "${JOBS:-2}" -I{} bash -c "run {}" <"$work/runs" | while IFS= read -r line; do
  echo "$line"
  done=$((done + 1))
  ((done % 10)) || echo "$done of $(wc -l <"$work/runs")" >&2
done >"$work/new"
out=docs/plots/memory.csv
{ grep -v -F -f <(cut -d, -f1,2,3 "$work/new" | sort -u | sed 's/$/,/') "$out" 2>/dev/null | grep -v ^part, || true; cat "$work/new"; } | sort -u >"$work/merged"
{ echo part,data,series,seed,regret,regretAfterShift,logLoss,logLossAfterShift,auc; cat "$work/merged"; } >"$out"
