'use strict';
// Loaded by every Node.js that a watched service starts, through NODE_OPTIONS: writes a line for every query that the
// usual drivers of databases send, so that queries can be counted whatever the service itself writes down.

const fs = require('fs');
const Module = require('module');

function mark(statement) {
  const text = typeof statement === 'string' ? statement : statement && (statement.text || statement.sql);
  if (typeof text !== 'string' || !/^[\s(]*(select|with)\b/i.test(text)) return;
  try {
    fs.writeSync(2, '[tenon] query\n');
  } catch {
    // Nobody listens any more.
  }
}

// Lets the method tell what `text` finds of its object, or its first argument.
function watch(owner, names, text) {
  for (const name of names) {
    let holder = owner;
    while (holder && !Object.prototype.hasOwnProperty.call(holder, name)) holder = Object.getPrototypeOf(holder);
    const original = holder && holder[name];
    if (typeof original !== 'function' || original.watched) continue;
    const watched = function (...given) {
      mark(text ? text(this) : given[0]);
      return original.apply(this, given);
    };
    Object.defineProperty(watched, 'watched', { value: true });
    holder[name] = watched;
  }
}

const READING = ['all', 'get', 'iterate'];

// By the end of the file or the name of what was loaded.
const DRIVERS = [
  [/[\\/]pg[\\/]lib[\\/]client\.js$/, (Client) => watch(Client.prototype, ['query'])],
  [/[\\/]mysql2[\\/]lib[\\/](?:base[\\/])?connection\.js$/, (Connection) => watch(Connection.prototype, ['query', 'execute'])],
  [/[\\/]mysql[\\/]lib[\\/]Connection\.js$/, (Connection) => watch(Connection.prototype, ['query'])],
  [
    /[\\/]better-sqlite3[\\/]lib[\\/]database\.js$/,
    (Database) => {
      const prepare = Database.prototype.prepare;
      Database.prototype.prepare = function (...given) {
        const statement = prepare.apply(this, given);
        watch(Object.getPrototypeOf(statement), READING, (statement) => statement.source);
        return statement;
      };
    },
  ],
  [/[\\/]sqlite3[\\/]lib[\\/]sqlite3\.js$/, ({ Statement }) => watch(Statement.prototype, ['all', 'get', 'each'], (statement) => statement.sql)],
  [/^node:sqlite$/, ({ StatementSync }) => watch(StatementSync.prototype, READING, (statement) => statement.sourceSQL)],
];

const seen = new Set();

function look(name, loaded) {
  if (seen.has(name)) return;
  const driver = DRIVERS.find(([place]) => place.test(name));
  if (!driver || !loaded) return;
  seen.add(name);
  try {
    driver[1](loaded);
  } catch {
    // A version that is built otherwise is not counted.
  }
}

const load = Module._load;
Module._load = function (request, parent, isMain) {
  const loaded = load.call(this, request, parent, isMain);
  if (/client|connection|database|sqlite|^pg$|^mysql/i.test(request)) {
    let name = request;
    try {
      name = Module._resolveFilename(request, parent, isMain);
    } catch {
      // What is built in has its own name.
    }
    look(name, loaded);
  }
  return loaded;
};
