-- name: lock_migrations
-- Let one process after the other look what is to be applied, and apply it.
select pg_advisory_xact_lock(hashtextextended('gateway migrations ' || current_schema(), 0));

-- name: has_migrations
-- Tell whether anything was ever applied.
select to_regclass('migration') is not null;

-- name: make_migrations
-- Make the table that says which migrations were applied.
create table if not exists migration (name text collate "C" primary key);

-- name: known_migrations
-- List the migrations that were applied.
select name from migration order by name;

-- name: note_migration
-- Note that a migration was applied.
insert into migration (name) select name from unnest($1::text[]) as new (name);

-- name: send_hint
-- Tell the other processes that something was written.
select pg_notify($1, $2);

-- name: home
-- Name the schema that the tables are in by a word without spaces: each database may have several gateways.
select substr(md5(current_schema()), 1, 12);

-- name: ask_back
-- Find out whether the connection still stands.
select 1;

-- name: read_committed
-- Let each statement of this connection see what was committed before it.
select set_config('default_transaction_isolation', 'read committed', false);
