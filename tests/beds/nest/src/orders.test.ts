import 'reflect-metadata';
import assert from 'node:assert';
import { after, before, test } from 'node:test';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { OrdersService } from './orders.service.js';

let app: INestApplication;
let url: string;

before(async () => {
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

after(() => app.close());

test('an order is found', async () => {
  const answer = await fetch(`${url}/orders/1`);
  assert.deepEqual(await answer.json(), { id: 1, total: 20 });
});

test('an unknown order is 404', async () => {
  assert.equal((await fetch(`${url}/orders/9`)).status, 404);
});

test('a discount is taken off', () => {
  assert.equal(new OrdersService().discounted(200, 10), 180);
});
