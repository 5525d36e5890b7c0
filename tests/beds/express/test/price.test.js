const request = require('supertest');
const { build } = require('../src/app');
const { price } = require('../src/price');

describe('price', () => {
  test('a discount is taken off', () => {
    expect(price(200, 10)).toBe(180);
  });

  test('the whole is answered', async () => {
    const answer = await request(build()).post('/price').send({ amount: 50 });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ price: 50 });
  });

  test('nonsense is refused', async () => {
    const answer = await request(build()).post('/price').send({ amount: 'x' });
    expect(answer.status).toBe(400);
  });
});
