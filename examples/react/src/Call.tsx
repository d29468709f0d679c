import type { CallOptions, MadangCallElement } from '@madang/call';
import '@madang/call';
import { type DetailedHTMLProps, type HTMLAttributes, useEffect, useRef } from 'react';

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'madang-call': DetailedHTMLProps<HTMLAttributes<MadangCallElement>, MadangCallElement> &
        CallOptions;
    }
  }
}

/** React 19 sets properties of elements itself; events with names such as these need a reference. */
export function Call({ onLeave, ...options }: CallOptions & { onLeave: () => void }) {
  const element = useRef<MadangCallElement>(null);
  useEffect(() => {
    const call = element.current;
    call?.addEventListener('onToolbarLeaveButtonClicked', onLeave);
    return () => call?.removeEventListener('onToolbarLeaveButtonClicked', onLeave);
  }, [onLeave]);
  return <madang-call ref={element} {...options} />;
}
