/** What an instance is called; the same in every process, so that starting it again makes no second one. */
export function instanceId(service: string, release: string, slot: number): string {
  return `${service}-${release}-${slot}`;
}
