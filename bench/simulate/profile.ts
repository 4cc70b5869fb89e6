/** What a simulation knows of the machine, the models and the traffic: all of it was measured. */

import { z } from 'zod';

const stage = z.object({
  /** Pictures in one run, at the most. */
  batch: z.int().positive(),
  /** Milliseconds of a run alone on the machine, by pictures in it, ascending from 1. */
  ms: z.array(z.tuple([z.int().positive(), z.number().positive()])).min(1),
});

const picture = z.object({
  bytes: z.int().positive(),
  /** Of all its decodes, which are taken to be before its first run. */
  decodeMs: z.number().min(0),
  /** Small JPEGs are decoded in the lane's own thread. */
  inline: z.boolean(),
  /** Stages that it ran through; `rung` counts in {@link Profile.rungs}. */
  path: z.array(z.object({ rung: z.int().min(0), stage: z.int().min(0) })).min(1),
});

export const Profile = z.object({
  cascade: z.string(),
  policy: z.string(),
  /** Those that pictures came to, in the cascade's order. */
  rungs: z.array(z.object({ id: z.string(), stages: z.array(stage).min(1) })).min(1),
  /** A fair sample of the traffic: each is as likely as the others. */
  pictures: z.array(picture).min(1),
  /** Processor time of the gateway's event loop for one request, milliseconds. */
  gatewayMs: z.number().min(0),
  /** Processor time of a lane for one picture besides decoding and runs, milliseconds. */
  laneMs: z.number().min(0),
  /** Time of a run with all cores busy / alone. */
  contention: z.number().min(1),
  memoryMb: z.object({ gateway: z.number().min(0), lane: z.number().min(0) }),
});

export type Profile = z.output<typeof Profile>;
export type ProfilePicture = Profile['pictures'][number];
export type ProfileStage = Profile['rungs'][number]['stages'][number];

/** Milliseconds of a run of so many pictures: linear between what was measured. */
export function runMs({ ms }: ProfileStage, pictures: number): number {
  const above = ms.findIndex(([batch]) => batch >= pictures);
  const [toBatch, toMs] = ms[above < 0 ? ms.length - 1 : above]!;
  if (above === 0 || ms.length === 1) return (toMs * pictures) / toBatch;
  const [fromBatch, fromMs] = ms[above < 0 ? ms.length - 2 : above - 1]!;
  return fromMs + ((toMs - fromMs) * (pictures - fromBatch)) / (toBatch - fromBatch);
}

/** Mean work of a picture, milliseconds of processor time, with runs of the best batch size. */
export function workOf(profile: Profile): {
  readonly gateway: number;
  readonly decode: number;
  readonly runs: number;
  readonly lane: number;
} {
  const mean = (value: (one: ProfilePicture) => number) =>
    profile.pictures.reduce((sum, one) => sum + value(one), 0) / profile.pictures.length;
  const stageOf = ({ rung, stage }: { rung: number; stage: number }) => profile.rungs[rung]!.stages[stage]!;
  const share = (at: { rung: number; stage: number }) => runMs(stageOf(at), stageOf(at).batch) / stageOf(at).batch;
  return {
    gateway: profile.gatewayMs,
    decode: mean(({ decodeMs }) => decodeMs),
    runs: mean(({ path }) => path.reduce((sum, at) => sum + share(at), 0)),
    lane: profile.laneMs,
  };
}

/** Images a second that so many cores could do at the most, if they did nothing but the work of pictures. */
export function idealPerSecond(profile: Profile, cores: number): number {
  const { gateway, decode, runs, lane } = workOf(profile);
  return (cores * 1000) / ((gateway + decode + runs + lane) * (cores === 1 ? 1 : profile.contention));
}
