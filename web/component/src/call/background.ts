/**
 * What stands behind the person: the camera's own picture, that blurred, or an image. Applications write
 * `stream.applyFilter('VB:blur')` and no more; here the script is loaded from the token's server,
 * because the client insists on https: even where the server is at http://localhost.
 */

import type { Stream } from 'openvidu-browser';

/** `url` is an image's. */
export type Background = 'none' | 'blur' | { url: string };

/** Whether the server said with the token that it has virtual backgrounds. */
export function offersBackgrounds(token: string): boolean {
  return new URLSearchParams(token.split('?')[1]).has('edition');
}

/** From what it was to what it shall be. If that fails, there is none. */
export async function setBackground(
  stream: Stream,
  token: string,
  next: Background,
): Promise<void> {
  const filter = stream.filter;
  if (typeof next === 'object' && filter?.type === 'VB:image') {
    return filter.execMethod('update', { url: next.url });
  }
  if (filter) await stream.removeFilter();
  if (next === 'none') return;
  await loadScript(token);
  if (next === 'blur') await stream.applyFilter('VB:blur', {});
  else await stream.applyFilter('VB:image', { url: next.url });
}

/** `wss://host?…` and `ws://host?…`. */
function serverOf(token: string): string {
  const { protocol, host } = new URL(token);
  return `${protocol === 'wss:' ? 'https:' : 'http:'}//${host}`;
}

let loading: Promise<void> | null = null;

function loadScript(token: string): Promise<void> {
  loading ??= new Promise<void>((resolve, reject) => {
    const script = document.createElement('script');
    const sent = encodeURIComponent(btoa(token));
    const path = '/openvidu/virtual-background/openvidu-virtual-background.js';
    script.src = `${serverOf(token)}${path}?token=${sent}`;
    script.onload = () => resolve();
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error(script.src));
    };
    document.body.append(script);
  });
  return loading;
}
