#!/usr/bin/env bash
# Prints docs/results.md, from the CSV files beside this script.
set -euo pipefail
cd "$(dirname "$0")"
# Mean over seeds and half a 95 % interval (Student's t), by series and x; of one column, or by column of one x. A missing value makes the mean "-".
table() { # file format columns x…
  awk -F, -v xs="${*:4}" -v cols="$3" -v fmt="$2" 'BEGIN { t[2] = 12.706; t[3] = 4.303; t[4] = 3.182; t[5] = 2.776 }
    NR > 1 { if (!($1 in seen)) { order[++n] = $1; seen[$1] = 1 }
      m = split(cols, column, " ")
      for (j = 1; j <= m; j++) { k = $1 SUBSEP $2 SUBSEP column[j]; v = $column[j]; if (v == "" || v == "null") bad[k] = 1; c[k]++; s[k] += v; q[k] += v * v } }
    END { nx = split(xs, x, " "); for (i = 1; i <= n; i++) { line = "| " order[i] " |"
      for (a = 1; a <= nx; a++) for (j = 1; j <= m; j++) { k = order[i] SUBSEP x[a] SUBSEP column[j]
        if (bad[k] || !c[k]) { line = line " - |"; continue }
        mean = s[k] / c[k]; v = c[k] > 1 ? (q[k] - c[k] * mean * mean) / (c[k] - 1) : 0
        line = line (c[k] > 1 ? sprintf(" " fmt " ± " fmt " |", mean, t[c[k]] * sqrt(v > 0 ? v / c[k] : 0)) : sprintf(" " fmt " |", mean)) }
      print line } }' "$1.csv"
}
cat <<'TEXT'
# Results: Online Matching

Written by `docs/plots.sh`, three seeds each; means with 95 % intervals over seeds (Student's t). Every line of the CSV
files beside the plots is one run. Attained is the share of the possible gain over a uniform choice among the same candidates.

## The catalogue, and why it is made as it is

- Vectors, clusters and graph are made from each user's earlier half of the ratings, the hidden truth from the later half: they share no rating. Sharing
  them (`--set truth=all`), a retrieval that learns nothing foreknows the noise of the truth.
- Every policy is given all that a service has: the user's vector and cluster weights, the items' vectors (`context=vectors`).
- The factorisations are chosen by five-fold held-out log loss inside each half (table below), from the ratings alone. The number says how much of real ratings the
  truth explains; most of it is items and users being good or harsh in general, and taste is understated: a factorisation gives the part of it that it is sure of.
- Ratings are not missing at random: what the truth says of films that a user would never have chosen is an extrapolation.
- Only films with twenty later ratings are in the catalogue. Of a film with few the truth says "average" because it does not know, which would
  punish whoever knows better from the earlier half.

| set and half: rank / ridge / ridge of biases | error in stars | log loss | of a constant |
|---|---|---|---|
TEXT
awk -F, 'NR > 1 { printf "| %s: %s | %.4f | %.4f | %.4f |\n", $1, $2, $4, $5, $6 }' truth.csv
cat <<'TEXT'

The truth is the best of the later half, 32 / 12 / 4; the vectors are those of length 8 with the same ridges.

Attained after 10,000, 50,000 and 200,000 rounds (`simulate catalogue --batch 25`; the same runs, read at three times). `diag-lin-ucb` has its defaults, `exact-lin-ucb` the
alpha and weights of `docs/plots/exact.csv` that earn it most where that grid was run, else its defaults. Calibration is the mean estimate of what was chosen over what it was worth.

![attained over rounds](plots/catalogue.png)

| set and policy | 10,000 | 50,000 | 200,000 | calibration |
|---|---|---|---|---|
TEXT
table catalogue %.3f "4 5 6 7" 1
if [ -f exact.csv ]; then
cat <<'TEXT'

Exact LinUCB, whole matrix per item, on the same cluster weights, 20,000 rounds, two seeds, by alpha. It shrinks towards the mean of all rewards, not 0; `raw` does not scale an item's weights to add
up to 1.

| set and selection | 0.03 | 0.1 | 0.3 |
|---|---|---|---|
TEXT
table exact %.3f 4 0.03 0.1 0.3
fi
cat <<'TEXT'

What an update costs: each run's first 20,000 interactions learned anew by the policy and by exact LinUCB (with its defaults), taking turns, the median of five passes. Bytes are those of the
statistics after that.

| set and policy | learned per second | bytes | exact LinUCB per second | exact LinUCB bytes |
|---|---|---|---|---|
TEXT
table catalogue %.0f "8 9 10 11" 1 | grep diag-lin-ucb
if [ -f fresh.csv ]; then
cat <<'TEXT'

## Fresh items

`--set fresh=0.1`: a tenth of the items is unknown at first and arrives one by one during the middle half of the run (50,000 rounds; 40,000 in the toy world). In the
catalogue the vector of a fresh film is made from five ratings. Rounds count from arrival, medians over the items; a good item is one that was the best candidate of at least ten rounds,
and it is found when it has been shown half as often as the best choice would have shown it. A dash: not so in half of the cases, or no such item.

| world and policy | attained | shown | rounds to first show | candidacies to first show | good | found | rounds to find |
|---|---|---|---|---|---|---|---|
TEXT
table fresh %.3g "4 5 6 7 8 9 10" 0.1
fi
if [ -f rules.csv ]; then
cat <<'TEXT'

## Selection rules and delay

A quarter of the toy world of the specification (`simulate world --set clusters=16 --set items=500 --rounds 40000`), which has as many decisions per edge as the whole has in 160,000 rounds:
H = delay / clusters / itemsPerCluster is 0, 0.26, 2.6 and 10.4. `paper-argmax` is `estimate=diagonal selection=optimistic alpha=3 unexploredShare=0 floor=0`,
`paper-pending` the same with `selection=pending`: the argmax that knows what is on its way.

![attained by selection rule and delay](plots/rules.png)

| rule | delay 0 | 250 | 2,500 | 10,000 |
|---|---|---|---|---|
TEXT
table rules %.3f 4 0 250 2500 10000
fi
if [ -f temperature.csv ]; then
cat <<'TEXT'

## Temperature and clusters per user

The same world, 10,000 rounds; attained, and below it the calibration. Values of different K have different candidates.

![attained by temperature and clusters per user](plots/temperature.png)

| estimate and K | T = 0.03 | 0.1 | 0.3 |
|---|---|---|---|
TEXT
table temperature %.3f 4 0.03 0.1 0.3
printf '\n| calibration | T = 0.03 | 0.1 | 0.3 |\n|---|---|---|---|\n'
table temperature %.3f 5 0.03 0.1 0.3
fi
if [ -f probe.csv ]; then
cat <<'TEXT'

## A constant reward

What the estimates say of an item that pays everybody the same, over what it pays (`simulate world --probe`): the diagonal overstates it by the number of clusters that a user is spread over.

![estimate over truth](plots/probe.png)

| K: temperature | 1/Σw² | diagonal | calibrated | pooled | exact LinUCB |
|---|---|---|---|---|---|
TEXT
awk -F, 'NR > 1 { printf "| %s: %s | %.2f | %.2f | %.2f | %.2f | %.2f |\n", $1, $2, $8, $4, $5, $6, $7 }' probe.csv
fi
if [ -f alpha.csv ]; then
cat <<'TEXT'

## Alpha and prior weight

The same world, 40,000 rounds, rewards 250 rounds late. The pooled estimate finds its own prior weight.

![attained by alpha and prior weight](plots/alpha.png)

| estimate and prior | alpha = 0.1 | 0.3 | 0.5 | 1 |
|---|---|---|---|---|
TEXT
table alpha %.3f 4 0.1 0.3 0.5 1
fi
