/** Waiting for what a server writes beside everything else that it does. */

import { watch } from 'node:fs';

/** Waits until `holds` of the files in a folder; for 30 s at most, whoever looks then sees what is wrong. */
export function until(folder, holds) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      watcher.close();
      done();
    };
    const look = () => {
      if (holds()) end();
    };
    const timer = setTimeout(end, 30_000);
    const watcher = watch(folder, look);
    look();
  });
}
