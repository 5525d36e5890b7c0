const express = require('express');
const stock = require('./stock');

const app = express();
app.use(express.json());

const refuse = (response, status, error) => response.status(status).json({ error });

// A whole number within bounds; undefined when it is none.
function whole(text, least, most) {
  const number = Number(text);
  return /^-?\d+$/.test(String(text)) && number >= least && number <= most ? number : undefined;
}

app.get('/health', (request, response) => response.json({ status: 'ok' }));

app.get('/items', (request, response) => {
  const limit = whole(request.query.limit ?? 20, 1, 50);
  const offset = whole(request.query.offset ?? 0, 0, 1000);
  if (limit === undefined || offset === undefined) return refuse(response, 400, 'limit or offset is out of bounds');
  return response.json(stock.page(limit, offset));
});

app.get('/items/:id', (request, response) => {
  const id = whole(request.params.id, 1, Number.MAX_SAFE_INTEGER);
  if (id === undefined) return refuse(response, 400, 'id is a whole number');
  const item = stock.find(id);
  if (!item) return refuse(response, 404, 'no such item');
  return response.json(item);
});

app.post('/items', (request, response) => {
  if (request.get('x-api-key') !== 'bed') return refuse(response, 401, 'a valid X-API-Key is needed');
  const { name, quantity, ...more } = request.body ?? {};
  const named = typeof name === 'string' && name.length >= 1 && [...name].length <= 80;
  if (!named || !Number.isInteger(quantity) || quantity < 0 || quantity > 1000000 || Object.keys(more).length > 0) {
    return refuse(response, 400, 'name and quantity are needed');
  }
  return response.status(201).json(stock.add(name, quantity));
});

app.use((request, response) => refuse(response, 404, 'nothing here'));
app.use((error, request, response, next) => refuse(response, error.status ?? 500, 'the request cannot be read'));

const port = process.env.PORT || 3000;
app.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
