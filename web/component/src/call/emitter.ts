/** Events with types: each listener gets what is told, and is gone again by what `on` returns. */

export class Emitter<Events extends { [Name in keyof Events]: (...told: never[]) => void }> {
  private readonly listeners: { [Name in keyof Events]?: Set<Events[Name]> } = {};

  on<Name extends keyof Events>(name: Name, listener: Events[Name]): () => void {
    this.listeners[name] ??= new Set();
    this.listeners[name].add(listener);
    return () => this.listeners[name]?.delete(listener);
  }

  protected emit<Name extends keyof Events>(name: Name, ...told: Parameters<Events[Name]>): void {
    for (const listener of [...(this.listeners[name] ?? [])]) listener(...told);
  }
}
