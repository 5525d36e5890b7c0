function price(amount, discount) {
  return Math.floor((amount * (100 - discount)) / 100);
}

module.exports = { price };
