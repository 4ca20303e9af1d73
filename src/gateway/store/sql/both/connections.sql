-- name: add_connection
-- Keep a connection.
insert into connection (
    id, tenant, name, provider, settings, data_key, options, state, reason, created_at, updated_at, version
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: write_connection
-- Change a connection; its tenant and its provider stay what they are.
update connection set
    name = $3, provider = $4, settings = $5, data_key = $6, options = $7, state = $8, reason = $9, created_at = $10,
    updated_at = $11, version = $12
where id = $1 and tenant = $2;

-- name: connection
-- Read a connection of a tenant.
select id, tenant, name, provider, settings, data_key, options, state, reason, created_at, updated_at, version
from connection where tenant = $1 and id = $2;

-- name: connection_named
-- See whether a tenant has a connection of a name.
select id from connection where tenant = $1 and name = $2;

-- name: connections
-- List the connections of a tenant that are not removed, oldest first.
select id, tenant, name, provider, settings, data_key, options, state, reason, created_at, updated_at, version
from connection where tenant = $1 and state <> 'removed' and (created_at, id) > ($2, $3)
order by created_at, id limit $4;

-- name: connection_ids
-- Name all connections that a tenant ever had.
select id from connection where tenant = $1 order by id;

-- name: connections_changed
-- List the connections that changed after a version.
select id, tenant, name, provider, settings, data_key, options, state, reason, created_at, updated_at, version
from connection where version > $1 order by version;

-- name: last_connection_version
-- Tell how far the changes of connections have come.
select coalesce(max(version), 0) from connection;
