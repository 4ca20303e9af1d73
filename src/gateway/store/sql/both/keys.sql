-- name: add_key
-- Keep a key.
insert into api_key (id, tenant, name, hash, scopes, created_at, expires_at, replaces)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: key_of_anyone
-- Read a key by its id, to see whose it is.
select id, tenant, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at, replaces
from api_key where id = $1;

-- name: key
-- Read a key of a tenant.
select id, tenant, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at, replaces
from api_key where tenant = $1 and id = $2;

-- name: keys
-- List the keys of a tenant, oldest first.
select id, tenant, name, hash, scopes, created_at, expires_at, last_used_at, revoked_at, replaces
from api_key where tenant = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4;

-- name: end_key
-- Let a key end at a time, unless it ends earlier.
update api_key set expires_at = $3 where tenant = $1 and id = $2 and (expires_at is null or expires_at > $3);

-- name: revoke_key
-- End a key at once, and note when.
update api_key set revoked_at = $3 where tenant = $1 and id = $2 and revoked_at is null;

-- name: touch_key
-- Note when a key was last used.
update api_key set last_used_at = $3 where tenant = $1 and id = $2 and (last_used_at is null or last_used_at < $3);
