import { Transform } from 'node:stream';

const EVENTS = /^-- Dumping events for database /;
/** What may come after the events. */
const AFTER_EVENTS =
  /^-- Dumping routines for database |^-- Final view structure |^\/\*!40103 SET TIME_ZONE=@OLD_/;
const DEFINER =
  /^(CREATE |\/\*!50003 CREATE\*\/ \/\*!50017 |\/\*!50013 )DEFINER=`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?/;
/** Around what was made under another collation than the database has now. */
const DATABASE = /^((?:\/\*!\d+ )?ALTER DATABASE )`(?:[^`]|``)*`/;

/** Calls `each` with what defines objects: no comments, definers, events, and not the name of the database. */
export function eachDefinition(each: (line: string) => void): (line: string) => void {
  let events = false;
  return (line) => {
    if (EVENTS.test(line)) events = true;
    else if (events && AFTER_EVENTS.test(line)) events = false;
    if (events || line === '' || line.startsWith('--')) return;
    each(line.replace(DEFINER, '$1').replace(DATABASE, '$1'));
  };
}

/**
 * Makes a dump fit for another database: what names the database that it is of names `database`. For a scratch copy
 * (`proof`) without definers, who may not be there, and without events, which would run.
 */
export function retarget(database: string, proof: boolean): Transform {
  const into = `$1\`${database.replaceAll('`', '``').replaceAll('$', '$$$$')}\``;
  let rest: Buffer[] = [];
  let events = false;
  const change = (line: Buffer): Buffer | undefined => {
    const head = line.toString('latin1', 0, 64);
    if (proof) {
      if (EVENTS.test(head)) events = true;
      else if (events && AFTER_EVENTS.test(head)) events = false;
      if (events) return undefined;
    }
    if (!/^(CREATE DEFINER|\/\*!50003 CREATE|\/\*!50013 |(\/\*!\d+ )?ALTER DATABASE )/.test(head))
      return line;
    const text = line.toString('utf8').replace(DATABASE, into);
    return Buffer.from(proof ? text.replace(DEFINER, '$1') : text);
  };
  const newline = Buffer.from('\n');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const pieces: Buffer[] = [];
      let from = 0;
      // Lines that stay as they are go on in one piece.
      let kept = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
        if (rest.length > 0 || events || CHANGED.includes(chunk[from] as number)) {
          pieces.push(chunk.subarray(kept, from));
          const line = change(Buffer.concat([...rest, chunk.subarray(from, at)]));
          rest = [];
          if (line) pieces.push(line, newline);
          kept = at + 1;
        }
        from = at + 1;
      }
      pieces.push(chunk.subarray(kept, from));
      if (from < chunk.length) rest.push(chunk.subarray(from));
      done(null, Buffer.concat(pieces));
    },
    flush(done) {
      const line = rest.length > 0 ? change(Buffer.concat(rest)) : undefined;
      done(null, line);
    },
  });
}

/** First bytes of lines that may have to be changed. */
const CHANGED = [...'-/CA'].map((character) => character.charCodeAt(0));
