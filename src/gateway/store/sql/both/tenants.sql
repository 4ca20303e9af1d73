-- name: add_tenant
-- Keep a tenant, once.
insert into tenant (id, name, created_at, settings) values ($1, $2, $3, $4) on conflict do nothing;

-- name: tenant
-- Read a tenant.
select id, name, created_at, settings from tenant where id = $1;

-- name: tenants
-- List tenants by id.
select id, name, created_at, settings from tenant where id > $1 order by id limit $2;

-- name: write_tenant_settings
-- Change what differs for a tenant.
update tenant set settings = $2 where id = $1;
