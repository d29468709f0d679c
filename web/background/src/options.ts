/**
 * What applications may say of a background. They hand over one object for everything, and what is not
 * known here is somebody else's.
 */

import { Failure } from './failure';
import type { Look } from './messages';

export type Options = Readonly<Record<string, unknown>>;

const DEFAULT: Look = { maskRadius: 0.15, backgroundCoverage: 0.5, lightWrapping: 0 };

/** `before`: what is not mentioned stays as it was. */
export function readLook(options: Options, before: Look = DEFAULT): Look {
  const look = { ...before };
  for (const name of ['maskRadius', 'backgroundCoverage', 'lightWrapping'] as const) {
    const value = options[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      throw new Failure(`"${name}" must be a number from 0 to 1`);
    }
    look[name] = value;
  }
  return look;
}

/** The options as an object; none are as good as an empty one. */
export function readOptions(options: unknown): Options {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object') throw new Failure('The options must be an object');
  return options as Options;
}
