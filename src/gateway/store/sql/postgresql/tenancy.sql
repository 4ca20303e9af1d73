-- name: hold_tenant
-- Read a tenant, and keep others who hold it waiting until the transaction ends.
select id, name, created_at, settings from tenant where id = $1 for update;

-- name: order_connections
-- Let one transaction after the other number its changes of connections, until it is committed: a process that goes on
-- from the last number it saw would otherwise miss those of a transaction that began earlier and ended later.
select pg_advisory_xact_lock(hashtextextended('gateway connections ' || current_schema(), 0));
