-- name: add_endpoint
-- Keep a new endpoint.
insert into endpoint (
    id, tenant, url, description, filter, format, secrets, data_key, state, reason, failing_since, failures,
    closed_until, created_at, updated_at, version
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: endpoint
-- Read an endpoint of a tenant.
select
    id, tenant, url, description, filter, format, secrets, data_key, state, reason, failing_since, failures,
    closed_until, created_at, updated_at, version
from endpoint where tenant = $1 and id = $2;

-- name: endpoints
-- List the endpoints of a tenant by id.
select
    id, tenant, url, description, filter, format, secrets, data_key, state, reason, failing_since, failures,
    closed_until, created_at, updated_at, version
from endpoint where tenant = $1 and id > $2 order by id limit $3;

-- name: write_endpoint
-- Change an endpoint, unless somebody else did meanwhile.
update endpoint set
    url = $3, description = $4, filter = $5, format = $6, secrets = $7, data_key = $8, state = $9, reason = $10,
    failing_since = $11, failures = $12, closed_until = $13, updated_at = $14, version = version + 1
where tenant = $1 and id = $2 and version = $15
returning version;

-- name: drop_endpoint
-- Forget an endpoint.
delete from endpoint where tenant = $1 and id = $2 returning id;

-- name: drop_endpoint_attempts
-- Forget what was tried for the oldest deliveries to an endpoint.
delete from delivery_attempt
where delivery in (select id from delivery where tenant = $1 and endpoint = $2 order by id limit $3);

-- name: drop_endpoint_deliveries
-- Forget the oldest deliveries to an endpoint.
delete from delivery
where id in (select id from delivery where tenant = $1 and endpoint = $2 order by id limit $3)
returning id;

-- name: drop_endpoint_lanes
-- Forget what waits for an endpoint.
delete from forward_lane where endpoint = $1;

-- name: endpoint_works
-- Note that an endpoint took a delivery.
update endpoint set failing_since = null, failures = 0, closed_until = null where id = $1;

-- name: endpoint_fails
-- Count a delivery that an endpoint did not take.
update endpoint set failing_since = coalesce(failing_since, $2), failures = failures + $3 where id = $1
returning tenant, state, failing_since, failures;

-- name: close_endpoint
-- Keep everything back from an endpoint until a time.
update endpoint set closed_until = $2 where id = $1 and coalesce(closed_until, 0) < $2;

-- name: disable_endpoint
-- Send an endpoint nothing more, and say why.
update endpoint set state = 'disabled', reason = $2, updated_at = $3, version = version + 1
where id = $1 and state <> 'disabled'
returning id;

-- name: other_endpoints
-- List the endpoints of a tenant that take events, but for one.
select id, tenant, filter from endpoint where tenant = $1 and id <> $2 and state <> 'disabled' order by id;

-- name: all_endpoints
-- List the endpoints of all tenants by id.
select
    id, tenant, url, description, filter, format, secrets, data_key, state, reason, failing_since, failures,
    closed_until, created_at, updated_at, version
from endpoint where id > $1 order by id limit $2;

-- name: rewrap_endpoint
-- Keep the data key of an endpoint as it was sealed anew, if it is still the same key.
update endpoint set data_key = $3 where id = $1 and data_key = $2 returning id;
