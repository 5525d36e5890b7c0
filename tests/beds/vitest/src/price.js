export function total(price, count, discount = 0) {
  if (count < 0) {
    throw new RangeError('count');
  }
  return price * count * (100 - discount) / 100;
}
