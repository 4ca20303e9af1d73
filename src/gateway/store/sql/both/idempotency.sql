-- name: add_idempotency
-- Take a key for a request, unless it is taken.
insert into idempotency (tenant, route, key, fingerprint, held_until, created_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (tenant, route, key) do nothing
returning 1;

-- name: take_idempotency
-- Take a key over from a request that will not end any more.
update idempotency set held_until = $5
where tenant = $1 and route = $2 and key = $3 and fingerprint = $4 and status is null and held_until <= $6
returning 1;

-- name: void_idempotency
-- Let go of every key that is held: whoever held it is gone.
update idempotency set held_until = 0 where status is null and held_until > 0;

-- name: idempotency
-- Read what a key was used for, and what that came to.
select fingerprint, status, headers, body from idempotency where tenant = $1 and route = $2 and key = $3;

-- name: finish_idempotency
-- Keep what a request came to.
update idempotency set status = $4, headers = $5, body = $6, held_until = null
where tenant = $1 and route = $2 and key = $3;

-- name: forget_idempotency
-- Give a key back that nothing was kept under.
delete from idempotency where tenant = $1 and route = $2 and key = $3 and status is null;

-- name: sweep_idempotency
-- Drop what is older than answers are kept.
delete from idempotency where created_at < $1;
