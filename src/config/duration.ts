import { z } from 'zod';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** A length of time as it is typed: `300s`, `90m`, `8h`. */
export const duration = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,3})?[smhd]$/)
  .refine((text) => secondsOf(text) >= 1)
  .meta({ title: '90m|8h' });

/** How many seconds such a text stands for. */
export function secondsOf(text: string): number {
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS];
}
