import type { TypeChange } from './dialect.ts';

/** Decimal digits before and behind the point, and how many of them are exact. */
export interface Digits {
  whole: number;
  fraction: number;
  exact: number;
}

/** A type that refuses some of what the old one took. */
export function narrowed(what: string): TypeChange {
  return { verdict: 'writes-fail', why: `: the old code's writes of ${what} fail` };
}

/** A type that can't hold all of a value: it was changed when the type was. */
export const rounded: TypeChange = {
  verdict: 'data-destroyed',
  why: ': what the values were beyond that is gone',
};

export const sameValues: TypeChange = { verdict: 'safe', why: ', which holds all values of before' };

/** A type that holds the values, in another form. */
export function otherForm(when: string): TypeChange {
  const why = ': drivers give it in another form, and it may hold values that the old type did not';
  return { verdict: 'conditional', why, when };
}

/** Compares what two types of numbers can hold. */
export function compareDigits(from: Digits, to: Digits, isSameType: boolean): TypeChange {
  const isOtherForm = !isSameType || to.fraction !== from.fraction;
  if (to.fraction < from.fraction) return rounded;
  if (to.whole < from.whole) {
    const form = isOtherForm ? { when: 'and reads give it in another form' } : {};
    return { ...narrowed('larger numbers'), ...form };
  }
  // A float holds large integers, but not exactly.
  if (to.exact < from.exact) return rounded;
  if (!isOtherForm) return sameValues;
  return otherForm(
    'where the driver gives the new type in another form, or once a value is beyond the old type',
  );
}

/** Digits of a decimal type; all that there are where it is not limited. */
export function decimalDigits([precision, scale = 0]: readonly number[]): Digits {
  const many = Number.POSITIVE_INFINITY;
  if (precision === undefined) return { whole: many, fraction: many, exact: many };
  return { whole: precision - scale, fraction: scale, exact: precision };
}

export const FLOAT: Digits = { whole: 38, fraction: 37, exact: 6 };
export const DOUBLE: Digits = { whole: 308, fraction: 307, exact: 15 };
