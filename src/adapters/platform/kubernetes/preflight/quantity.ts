/** Units of a Kubernetes quantity (API reference, "Quantity"). */
const UNITS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Reads `250m`, `1.5Gi`, `2e3`. @throws TypeError for what is no quantity */
export function quantityOf(text: string | number): number {
  const parts = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]{0,2})$/.exec(String(text));
  const unit = UNITS[parts?.[2] ?? ''];
  const figure = Number(parts?.[1]);
  if (!parts || unit === undefined || Number.isNaN(figure)) throw new TypeError(`${text} is no quantity.`);
  return figure * unit;
}
