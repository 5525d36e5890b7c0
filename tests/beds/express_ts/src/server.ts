import express from 'express';

interface Item {
  id: number;
  name: string;
}

const items: Item[] = [{ id: 1, name: 'lamp' }, { id: 2, name: 'desk' }];
const app = express();

app.get('/health', (request, response) => response.json({ status: 'ok' }));

app.get('/items', (request, response) => response.json(items));

app.get('/items/:id', (request, response) => {
  const item = items.find((one) => one.id === Number(request.params.id));
  if (!item) {
    return response.status(404).json({ error: 'no such item' });
  }
  return response.json(item);
});

app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
