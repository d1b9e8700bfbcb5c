#!/usr/bin/env node
// Runs the steps of one part within its time; for bench/gpu.sh, which packs what it writes.
//
//   node bench/gpu/part.mjs check|kernels|compare|tests|table|train --out DIR [--seconds 530] [--smoke]
//                           [options of the part]
//
// Every step is a process with a time limit and a log. One that fails, hangs or finds no time left keeps
// no other from running, but for those that need what it builds. Writes report.md and outcomes.json
// after every step. Exit code 1 where a step failed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine } from './machine.mjs';
import { readPart } from './parts.mjs';
import { secondsFor } from './plan.mjs';
import { runProgram } from './program.mjs';
import { report } from './report.mjs';

const { steps, seconds, out, setting } = readPart(process.argv.slice(2));
const stopping = new AbortController();
for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(name, () => stopping.abort());

const outcomes = [];
const secondsLeft = () => seconds - performance.now() / 1000;

/** Runs a step, and writes how it ended. */
async function run(step, limit, signal) {
  const started = performance.now();
  console.error(`== ${step.name} (at most ${limit} s)`);
  const ended = await runProgram({
    ...{ command: step.command(limit), env: step.env, seconds: limit, signal },
    log: join(out, `${step.name}.log`),
  });
  const isInTheWay = ended === 'stopped' && !stopping.signal.aborted;
  const outcome = isInTheWay ? `done as far as it was before ${step.until}` : ended;
  record(step, outcome, (performance.now() - started) / 1000);
  return outcome;
}

function record({ name }, outcome, seconds = 0) {
  console.error(`== ${name}: ${outcome}`);
  outcomes.push({ name, outcome, seconds: Number(seconds.toFixed(1)) });
  const machine = describeMachine(setting);
  writeFileSync(join(out, 'outcomes.json'), `${JSON.stringify({ machine, outcomes }, null, 2)}\n`);
  writeFileSync(join(out, 'report.md'), report(out, machine, outcomes));
}

/** A step that runs beside others, until `end` is called. */
function runBeside(step) {
  const ending = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ending.signal]);
  const ended = run(step, Math.floor(secondsLeft()), signal);
  return {
    end: async () => {
      ending.abort();
      await ended;
    },
  };
}

const beside = new Map(); // by the step before which they end
let missing; // why the steps that remain cannot run
for (const [index, step] of steps.entries()) {
  await beside.get(step.name)?.end();
  beside.delete(step.name);
  missing ??= stopping.signal.aborted ? 'stopped before' : undefined;
  const reason = missing ?? step.unavailable?.();
  const later = steps.slice(index + 1).filter(({ until }) => !until);
  const limit = secondsFor(step, secondsLeft(), later);
  if (reason) record(step, `left out: ${reason}`);
  else if (limit === undefined) record(step, 'left out: no time was left');
  else if (step.until) beside.set(step.until, runBeside(step));
  else {
    const outcome = await run(step, limit, stopping.signal);
    if (step.essential && outcome !== 'done') missing = `${step.name} did not end`;
  }
}
const hasFailed = outcomes.some(({ outcome }) => !/^(done|left out)/.test(outcome));
process.exit(hasFailed ? 1 : 0);
