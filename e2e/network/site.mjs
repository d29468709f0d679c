/** The test site as a process of its own, to be started inside a namespace. */

import { startSite } from '../harness/site.mjs';

const site = await startSite();
process.send(site.client('VERSION'));
process.on('disconnect', () => process.exit());
