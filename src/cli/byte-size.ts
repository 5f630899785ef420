import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes of `2GiB`, `1.5GiB`, `512MiB`, `0`. A number without a unit says nothing, unless it is nothing. */
export function byteSize(text: string): number {
  const [, digits, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([KMGT]iB|B)?$/.exec(text) ?? [];
  const isClear = digits !== undefined && (text !== digits || Number(digits) === 0);
  const bytes = Math.round(Number(digits) * (UNITS[unit] ?? Number.NaN));
  if (isClear && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError('a size with a unit is wanted, such as 512MiB or 2GiB, or 0.');
}
