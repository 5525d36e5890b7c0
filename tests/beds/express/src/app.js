const express = require('express');
const { price } = require('./price');

function build() {
  const app = express();
  app.use(express.json());
  app.get('/health', (request, response) => response.json({ status: 'ok' }));
  app.post('/price', (request, response) => {
    const { amount, discount = 0 } = request.body ?? {};
    if (!Number.isInteger(amount) || amount < 0) {
      return response.status(400).json({ error: 'amount is a whole number of at least 0' });
    }
    return response.json({ price: price(amount, discount) });
  });
  return app;
}

module.exports = { build };
