/** What the module gives; the element itself is `MadangCallElement`. */

import type { MadangCallElement } from './dist/types/api.js';

export type * from './dist/types/api.js';
export * from './dist/types/sdk.js';

/** Defined as `<madang-call>` once the module is loaded. */
export declare const MadangCall: new () => MadangCallElement;
