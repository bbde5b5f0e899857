import { expect, it } from 'vitest';
import { oneFirst } from '../src/adapters/platform/kubernetes/one-first.ts';

it('lets one ask at a time until something is known, then all', async () => {
  const first = oneFirst();
  let known = false;
  let asking = 0;
  let most = 0;
  let asked = 0;
  const ask = async () => {
    asked++;
    most = Math.max(most, ++asking);
    await new Promise((resolve) => setTimeout(resolve, 1));
    asking--;
    if (asked === 3) known = true;
    return asked;
  };
  await Promise.all(Array.from({ length: 3 }, () => first('image', () => known, ask)));
  expect({ most, asked, known }).toEqual({ most: 1, asked: 3, known: true });
  await Promise.all(Array.from({ length: 20 }, () => first('image', () => known, ask)));
  expect(most).toBe(20);
});

it('goes on with the next where one fails', async () => {
  const first = oneFirst();
  const failed = first(
    'image',
    () => false,
    () => Promise.reject(new Error('gone')),
  );
  const next = first(
    'image',
    () => false,
    async () => 'there',
  );
  await expect(failed).rejects.toThrow('gone');
  expect(await next).toBe('there');
});
