/**
 * The script that openvidu-browser loads for `applyFilter('VB:…')`. It leaves one global, and does so
 * once: applications that load it themselves may do it again.
 */

import { VirtualBackground } from './background';

const page = globalThis as { VirtualBackground?: unknown };
page.VirtualBackground ??= { VirtualBackground };
