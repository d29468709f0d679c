import { StrictMode, useCallback, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Call } from './Call';

// Tests run it with another server, and as somebody.
const query = new URLSearchParams(location.search);

function App() {
  const [left, setLeft] = useState(false);
  const leave = useCallback(() => setLeft(true), []);
  if (left) return <p>Goodbye.</p>;
  return (
    <Call
      room="garden"
      server={query.get('server') ?? 'http://localhost:4443'}
      participantName={query.get('name') ?? ''}
      onLeave={leave}
    />
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
