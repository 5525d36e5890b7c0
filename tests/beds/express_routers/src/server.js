const express = require('express');
const { router } = require('./users');

const app = express();
app.use(express.json());
app.use('/api/users', router);
app.get('/health', (request, response) => response.json({ status: 'ok' }));
app.use((request, response) => response.status(404).json({ error: 'not found' }));
app.use((error, request, response, next) => {
  response.status(error.status ?? 500).json({ error: 'the request cannot be read' });
});
app.listen(process.env.PORT ?? 3000, () => console.log('listening'));
