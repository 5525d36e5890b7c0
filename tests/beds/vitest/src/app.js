import express from 'express';
import { total } from './price.js';

export const app = express();

app.get('/total/:price/:count', (request, response) => {
  response.json({ total: total(Number(request.params.price), Number(request.params.count)) });
});
