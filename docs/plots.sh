#!/usr/bin/env bash
# Writes docs/plots/: what selection rule, delay, temperature, alpha and prior do in the toy world of the Online Matching specification, three seeds each.
# Every line of a CSV is one run of: dotnet run -c Release --project src/Learner -- simulate world … --json
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1
dotnet build -c Release -v quiet src/Learner >&2
export learner=src/Learner/bin/Release/net10.0/Recsys.Learner.dll
out=docs/plots
mkdir -p $out

# series x seed arguments… -> series,x,seed,attained
run() {
  local series=$1 x=$2 seed=$3
  shift 3
  printf '%s,%s,%s,%.4f\n' "$series" "$x" "$seed" "$(dotnet "$learner" simulate world --seed "$seed" "$@" --json 2>/dev/null | sed -nE 's/.*"attained":([-0-9.E]+).*/\1/p')"
}
export -f run
# Two runs at a time; sorted, so that the file does not depend on which ends first.
sweep() { { echo series,x,seed,attained; xargs -P 2 -I{} bash -c 'run {}' | sort -t, -k1,1 -k2,2g -k3,3n; } >"$out/$1.csv"; }

for seed in 1 2 3; do
  for delay in 0 1000 10000 40000; do
    echo "thompson $delay $seed --delay $delay"
    echo "optimistic $delay $seed --delay $delay --set selection=optimistic"
    echo "top-k $delay $seed --delay $delay --set selection=top-k"
    echo "paper-argmax $delay $seed --delay $delay --set estimate=diagonal --set selection=optimistic --set alpha=3 --set floor=0"
    for rival in exact-lin-ucb ucb1 epsilon-greedy-edges; do
      echo "$rival $delay $seed --delay $delay --policy $rival"
    done
  done
done | sweep rules

for seed in 1 2 3; do
  for temperature in 0.03 0.1 0.3; do
    for clusters in 1 5 10; do
      for estimate in diagonal calibrated; do
        echo "$estimate-K$clusters $temperature $seed --rounds 20000 --set estimate=$estimate --set clustersPerUser=$clusters --set clusterTemperature=$temperature"
      done
    done
  done
done | sweep temperature

for seed in 1 2 3; do
  for alpha in 0.03 0.1 0.3 1; do
    for prior in 1 10; do
      echo "d0=$prior $alpha $seed --rounds 20000 --delay 1000 --set estimate=calibrated --set alpha=$alpha --set priorWeight=$prior"
    done
  done
done | sweep alpha

dotnet run docs/plots/plot.cs -- $out >&2

# Mean over seeds and half a 95 % interval (Student's t: 4.303 standard errors of three seeds), by series and x.
table() { # file x…
  awk -F, -v xs="${*:2}" 'NR > 1 { if (!($1 in seen)) { order[++n] = $1; seen[$1] = 1 } k = $1 SUBSEP $2; c[k]++; s[k] += $4; q[k] += $4 * $4 }
    END { m = split(xs, x, " "); for (i = 1; i <= n; i++) { line = "| " order[i] " |"
      for (j = 1; j <= m; j++) { k = order[i] SUBSEP x[j]; mean = s[k] / c[k]; v = (q[k] - c[k] * mean * mean) / (c[k] - 1)
        line = line sprintf(" %.3f ± %.3f |", mean, 4.303 * sqrt(v > 0 ? v / c[k] : 0)) }
      print line } }' "$out/$1.csv"
}
{
  cat <<'TEXT'

## Selection rules, rivals and settings

Written by `docs/plots.sh`: the toy world, three seeds, attained with 95 % intervals over the seeds. Every line of the CSV files beside
the plots is one run. The rules of `diag-lin-ucb` are its defaults but for `selection`; `paper-argmax` is
`estimate=diagonal selection=optimistic alpha=3 floor=0`. The others are rivals that no experiment can name, with their defaults; those
of `exact-lin-ucb` and `ucb1` are the best without delay of the few that were tried. Two more learn nothing, whatever the delay (seeds 1 to
3): `greedy-two-tower` attains 0.133, 0.136 and 0.166, `random` 0.000 each.

```
dotnet run -c Release --project src/Learner -- simulate world --policy KIND --delay D --seed S --curve curve.csv --json
```

![attained by selection rule and delay](plots/rules.png)

| rule | delay 0 | 1,000 | 10,000 | 40,000 |
|---|---|---|---|---|
TEXT
  table rules 0 1000 10000 40000
  cat <<'TEXT'

Temperature and clusters per user K, 20,000 rounds without delay (`--set estimate=… --set clustersPerUser=K --set clusterTemperature=T`).
Attained is a share of what the candidates of the same K allow, so that values of different K have different wholes.

![attained by temperature and clusters per user](plots/temperature.png)

| estimate and K | T = 0.03 | 0.1 | 0.3 |
|---|---|---|---|
TEXT
  table temperature 0.03 0.1 0.3
  cat <<'TEXT'

Alpha and prior weight d0, `estimate=calibrated`, 20,000 rounds, rewards 1,000 rounds late.

![attained by alpha and prior weight](plots/alpha.png)

| prior | alpha = 0.03 | 0.1 | 0.3 | 1 |
|---|---|---|---|---|
TEXT
  table alpha 0.03 0.1 0.3 1
} >$out/section.txt
