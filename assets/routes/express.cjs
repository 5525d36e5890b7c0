// Is loaded before an Express application: writes its routes as `ROUTE GET /path` when it is about to listen, mounted
// routers and applications with their prefix, and ends the program.
'use strict';
const fs = require('fs');
const Module = require('module');
const net = require('net');

const paths = new WeakMap(); // What a layer was made with; it does not keep it itself.
const applications = [];
const mounted = new Map(); // Applications within applications.

const load = Module._extensions['.js'];
Module._extensions['.js'] = function (module, file) {
  load(module, file);
  if (/[\\/](?:router[\\/]lib|express[\\/]lib[\\/]router)[\\/]layer\.js$/.test(file)) {
    const Layer = module.exports;
    module.exports = function (path, options, handle) {
      const layer = new Layer(path, options, handle);
      paths.set(layer, path);
      return layer;
    };
    module.exports.prototype = Layer.prototype;
  }
  if (/[\\/]express[\\/]lib[\\/]application\.js$/.test(file)) watch(module.exports);
};

function watch(application) {
  const { init, use } = application;
  application.init = function (...given) {
    applications.push(this);
    return init.apply(this, given);
  };
  application.use = function (...given) {
    const path = typeof given[0] === 'string' ? given[0] : '/';
    for (const inner of given.flat(Infinity)) {
      if (inner && inner.handle && inner.set) mounted.set(inner, { within: this, path });
    }
    return use.apply(this, given);
  };
}

// A pattern is no path anybody could be told.
const texts = (path) => [path].flat(Infinity).filter((one) => typeof one === 'string');
const join = (before, path) => ('/' + before + '/' + path).replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
const before = (application) => {
  const place = mounted.get(application);
  return place ? join(before(place.within), place.path) : '/';
};

const seen = new Set();
function walk(stack, prefix) {
  for (const layer of stack || []) {
    if (layer.route) {
      for (const path of texts(layer.route.path)) {
        for (const method of Object.keys(layer.route.methods || {})) {
          seen.add(`ROUTE ${method === '_all' ? 'ANY' : method.toUpperCase()} ${join(prefix, path)}`);
        }
      }
    } else if (layer.handle && layer.handle.stack) {
      for (const path of texts(paths.get(layer))) walk(layer.handle.stack, join(prefix, path));
    }
  }
}

process.on('exit', () => {
  for (const application of applications) {
    // What is called `router` in one version throws in the other.
    const router = application._router || application.router;
    walk(router && router.stack, before(application));
  }
  if (seen.size) fs.writeSync(1, [...seen, ''].join('\n'));
});
net.Server.prototype.listen = function () {
  setImmediate(() => process.exit(0));
  return this;
};
// Who waits for a database that is not there has named its routes long ago.
setTimeout(() => process.exit(0), 15000).unref();
