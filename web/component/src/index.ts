/** The element, defined once the module is loaded, and the functions beside it. */

import { MadangCall } from './element';
import { define } from './views/part';

define('madang-call', MadangCall);

export type * from './api';
export { askForPlace, createCall, PlaceError, type PlaceRequest } from './sdk';
export { MadangCall };
