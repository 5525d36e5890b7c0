const assert = require('node:assert');
const request = require('supertest');
const { build } = require('../src/app');
const { price } = require('../src/price');

describe('price', () => {
  it('takes a discount off', () => {
    assert.equal(price(200, 10), 180);
  });

  it('answers', async () => {
    const answer = await request(build()).post('/price').send({ amount: 50 });
    assert.equal(answer.body.price, 50);
  });
});
