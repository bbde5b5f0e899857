import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** One value a line, as a watch sends them. A last line that was cut off is not a value. */
export async function* jsonLines<T>(stream: Readable): AsyncGenerator<T> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.write(chunk as Buffer);
    const lines = rest.split('\n');
    rest = lines.pop() as string;
    for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
  }
}
