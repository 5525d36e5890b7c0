import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { app } from './app.js';
import { total } from './price.js';

describe('price', () => {
  test('a discount is taken off', () => {
    expect(total(100, 2, 10)).toBe(180);
  });

  test('a total is told', async () => {
    const answer = await request(app).get('/total/3/4');
    expect(answer.body).toEqual({ total: 12 });
  });
});
