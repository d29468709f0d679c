/** What an error says. */

export function reason(error: unknown): string {
  if (error instanceof Error) return error.message;
  const { message } = (error ?? {}) as { message?: string };
  return message ?? String(error);
}
