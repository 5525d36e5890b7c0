const items = [];

function add(name, quantity) {
  const item = { id: items.length + 1, name, quantity };
  items.push(item);
  return item;
}

for (let number = 1; number <= 30; number += 1) add(`item ${number}`, number);

const find = (id) => items.find((item) => item.id === id);
const page = (limit, offset) => items.slice(offset, offset + limit);

module.exports = { add, find, page };
