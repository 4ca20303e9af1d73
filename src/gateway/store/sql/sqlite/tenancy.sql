-- name: hold_tenant
-- Read a tenant; nobody else writes meanwhile.
select id, name, created_at, settings from tenant where id = ?1;

-- name: order_connections
-- Number the changes of connections one after the other: there is one writer.
select 1;
