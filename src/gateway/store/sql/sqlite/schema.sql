-- name: make_migrations
-- Make the table that says which migrations were applied.
create table if not exists migration (name text not null primary key);

-- name: known_migrations
-- List the migrations that were applied.
select name from migration order by name;

-- name: note_migration
-- Note that a migration was applied.
insert into migration (name) values (?1);

-- name: has_cursors
-- Tell whether a copy has the table that its stamp stands in.
select 1 from sqlite_master where type = 'table' and name = 'cursor';

-- name: stamp_copy
-- Note in a copy when it was made; a copy of a copy that nobody has worked with goes no further than that one.
insert into cursor (name, value) values (?1, ?2) on conflict do nothing;
