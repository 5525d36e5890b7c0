// Books and their authors, in PostgreSQL.
const express = require('express');
const { Pool } = require('pg');

const pool = new Pool({ connectionString: process.env.DATABASE_URL });
const app = express();

app.get('/books', async (request, response) => {
  const books = await pool.query('SELECT id, title, author_id FROM books ORDER BY id LIMIT 50');
  const authors = await pool.query('SELECT id, name FROM authors WHERE id = ANY($1)', [books.rows.map((book) => book.author_id)]);
  const names = new Map(authors.rows.map((author) => [author.id, author.name]));
  response.json(books.rows.map((book) => ({ id: book.id, title: book.title, author: names.get(book.author_id) })));
});

app.get('/health', async (request, response) => {
  await pool.query('SELECT 1');
  response.json({ status: 'ok' });
});

app.listen(process.env.PORT || 3000);
