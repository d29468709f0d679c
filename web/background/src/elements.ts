/** The video elements that nobody shall see but that have to play. */

const CONTAINER_PREFIX = 'virtual-background-container-';

/** Out of sight. `gone`: it need not play either; browsers stop some videos that are not laid out. */
export function hide(element: HTMLElement, gone: boolean): void {
  if (gone) {
    element.style.display = 'none';
    return;
  }
  Object.assign(element.style, {
    position: 'fixed',
    top: '0',
    left: '0',
    width: '1px',
    height: '1px',
    opacity: '0',
    pointerEvents: 'none',
  });
  element.setAttribute('aria-hidden', 'true');
}

/** Puts it into the hidden container of that id, which is made for it. */
export function appendHidden(element: HTMLElement, id: string): void {
  let container = document.getElementById(CONTAINER_PREFIX + id);
  if (!container) {
    container = document.createElement('div');
    container.id = CONTAINER_PREFIX + id;
    hide(container, false);
    document.body.append(container);
  }
  container.append(element);
}

/** With all that is in it. */
export function removeHidden(id: string): void {
  document.getElementById(CONTAINER_PREFIX + id)?.remove();
}
