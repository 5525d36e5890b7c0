const { Router } = require('express');

const users = [
  { id: 1, name: 'Ann', mail: 'ann@example.com' },
  { id: 2, name: 'Bob', mail: 'bob@example.com' },
];
const find = (id) => users.find((user) => user.id === Number(id));
const refuse = (response, status, error) => response.status(status).json({ error });

const router = Router();
router.get('/', (request, response) => response.json(users));
router.get('/:id', (request, response) => {
  const user = find(request.params.id);
  if (!user) return refuse(response, 404, 'no such user');
  return response.json(user);
});
router.post('/', (request, response) => {
  if (request.get('x-api-key') !== 'bed') return refuse(response, 401, 'a key is needed');
  if (typeof request.body?.name !== 'string') return refuse(response, 400, 'name is a text');
  return response.status(201).json({ id: 3, name: request.body.name, mail: '' });
});

module.exports = { router };
