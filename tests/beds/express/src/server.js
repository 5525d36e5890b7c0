const { build } = require('./app');

const port = process.env.PORT || 3000;
build().listen(port, () => console.log(`listening on ${port}`));
