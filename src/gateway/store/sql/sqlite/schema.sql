-- name: make_migrations
-- Make the table that says which migrations were applied.
create table if not exists migration (name text not null primary key);

-- name: known_migrations
-- List the migrations that were applied.
select name from migration order by name;

-- name: note_migration
-- Note that a migration was applied.
insert into migration (name) values (?1);
