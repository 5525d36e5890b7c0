#!/bin/sh
# Runs a throw-away PostgreSQL on a socket in a folder until it is stopped; everything in it is trusted and nothing is
# kept. What it says when it is ready: `ready BIN VERSION`, with the folder of its programs.
# usage: postgres.sh FOLDER [PORT]   (with PORT: on the loopback as well, and what it is asked is written as it comes)
set -u
folder=$1
listen="-c listen_addresses="
tell=ddl
if [ -n "${2:-}" ]; then
    listen="-c listen_addresses=127.0.0.1"
    tell=all
fi

fail() {
    echo "failed $*"
    rm -rf "$folder" "$folder".*
    exit 1
}

bin=
if found=$(command -v initdb) && command -v postgres >/dev/null; then
    bin=$(dirname "$(readlink -f "$found" 2>/dev/null || echo "$found")")
fi
# Distributions keep the server's programs out of PATH.
for place in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /opt/homebrew/opt/postgresql*/bin \
    /usr/local/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/latest/bin; do
    [ -z "$bin" ] && [ -x "$place/initdb" ] && bin=$place
done
[ -n "$bin" ] || fail "initdb and postgres are not installed (looked in PATH and in /usr/lib/postgresql/*/bin)"
for program in initdb postgres psql pg_isready pg_dump; do
    [ -x "$bin/$program" ] || fail "$program is missing in $bin"
done

umask 077
rm -rf "$folder" && mkdir -p "$folder" || fail "cannot make $folder"
# The server refuses the superuser.
as=
if [ "$(id -u)" = 0 ]; then
    id nobody >/dev/null 2>&1 || fail "PostgreSQL refuses to run as root, and there is no user nobody to run it as"
    if setpriv --reuid nobody --clear-groups true 2>/dev/null; then
        as="setpriv --reuid nobody --clear-groups"
    elif runuser -u nobody -- true 2>/dev/null; then
        as="runuser -u nobody --"
    else
        fail "PostgreSQL refuses to run as root, and no other user can be taken on here"
    fi
    chown nobody "$folder" || fail "cannot give $folder to nobody"
fi
cd "$folder" || fail "cannot enter $folder"
$as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$folder.log" 2>&1 ||
    fail "initdb: $(grep -v '^$' "$folder.log" | tail -n 1)"
$as "$bin/postgres" -D "$folder/data" -k "$folder" -c port="${2:-5432}" $listen -c unix_socket_permissions=0700 -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c shared_buffers=16MB -c max_connections=40 \
    -c max_wal_size=128MB -c jit=off -c log_statement=$tell -c log_line_prefix= -c timezone=UTC \
    >"$folder.log" 2>&1 &
server=$!
if [ $tell = all ]; then tail -n +1 -s 0.02 --pid=$server -f "$folder.log" 2>/dev/null & fi
trap 'kill -INT $server 2>/dev/null; wait $server; rm -rf "$folder" "$folder".*; exit 0' TERM INT HUP
tries=0
until "$bin/pg_isready" -q -h "$folder" -p "${2:-5432}" -U postgres -d postgres; do
    kill -0 $server 2>/dev/null || fail "postgres ended: $(tail -n 1 "$folder.log")"
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "postgres does not answer: $(tail -n 1 "$folder.log")"
    sleep 0.05
done
echo "ready $bin $("$bin/postgres" -V | sed 's/[^0-9]*\([0-9.]*\).*/\1/')"
wait $server
