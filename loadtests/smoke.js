// k6 run -e BASE_URL=http://127.0.0.1:5080 loadtests/smoke.js
// Two hundred decisions and their rewards per second for half a minute: what one small site does at its busiest hour.
// The thresholds are what a page that waits for the answer can bear.
import http from 'k6/http';
import { check } from 'k6';

const base = __ENV.BASE_URL || 'http://127.0.0.1:5080';
const experiment = __ENV.EXPERIMENT || 'load-smoke';
const headers = Object.assign({ 'content-type': 'application/json' }, __ENV.API_KEY ? { 'x-api-key': __ENV.API_KEY } : {});

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    loop: { executor: 'constant-arrival-rate', rate: 200, timeUnit: '1s', duration: '30s', preAllocatedVUs: 20, maxVUs: 200 },
  },
  thresholds: {
    'http_req_duration{call:decide}': ['p(99)<50'],
    http_req_failed: [{ threshold: 'rate<0.001', abortOnFail: true }],
    checks: ['rate>0.999'],
    dropped_iterations: ['count==0'],
  },
};

export function setup() {
  const made = http.put(`${base}/v1/experiments/${experiment}`, JSON.stringify({ policy: { kind: 'linear-square-cb' } }), { headers });
  if (made.status !== 200 && made.status !== 201) throw new Error(`could not create ${experiment}: ${made.status} ${made.body}`);
}

export default function () {
  const device = Math.random() < 0.5 ? 'mobile' : 'desktop';
  const decided = http.post(
    `${base}/v1/experiments/${experiment}/decisions`,
    JSON.stringify({ context: { features: { device } }, actions: [{ id: 'short' }, { id: 'long' }, { id: 'video' }] }),
    { headers, tags: { call: 'decide' } },
  );
  const fine = check(decided, { 'a decision is made': (r) => r.status === 200 && r.json('actions.0.propensity') > 0 });
  if (!fine) return;
  const value = (device === 'mobile') === (decided.json('actions.0.id') === 'short') ? 1 : 0;
  const rewarded = http.post(
    `${base}/v1/experiments/${experiment}/decisions/${decided.json('decisionId')}/reward`,
    JSON.stringify({ value }),
    { headers, tags: { call: 'reward' } },
  );
  check(rewarded, { 'its reward is accepted': (r) => r.status === 202 });
}
