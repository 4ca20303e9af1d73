-- name: add_upload
-- Keep the record of a file; the same one again lives as long as the later of the two says.
insert into upload (
    id, tenant, digest, name, media_type, declared_type, named_type, sniffed_type, size, connection, event,
    created_at, expires_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (id) do update set expires_at = excluded.expires_at
where upload.expires_at is not null and (excluded.expires_at is null or excluded.expires_at > upload.expires_at);

-- name: upload
-- Find a tenant's file.
select
    id, tenant, digest, name, media_type, declared_type, named_type, sniffed_type, size, connection, event,
    created_at, expires_at
from upload where tenant = $1 and id = $2;

-- name: uploads
-- List a tenant's files, newest first.
select
    id, tenant, digest, name, media_type, declared_type, named_type, sniffed_type, size, connection, event,
    created_at, expires_at
from upload where tenant = $1 order by created_at desc, id desc limit $2;

-- name: uploads_before
-- List a tenant's files, newest first, from a place on.
select
    id, tenant, digest, name, media_type, declared_type, named_type, sniffed_type, size, connection, event,
    created_at, expires_at
from upload where tenant = $1 and (created_at, id) < ($2, $3) order by created_at desc, id desc limit $4;

-- name: uploads_of_event
-- List the files that an event brought.
select
    id, tenant, digest, name, media_type, declared_type, named_type, sniffed_type, size, connection, event,
    created_at, expires_at
from upload where tenant = $1 and event = $2 order by created_at, id limit $3;

-- name: drop_upload
-- Forget a tenant's file, and say which bytes it had.
delete from upload where tenant = $1 and id = $2 returning digest;

-- name: drop_old_uploads
-- Forget files whose time is over, and say which bytes they had.
delete from upload where id in (select id from upload where expires_at <= $1 order by expires_at limit $2)
returning digest;

-- name: upload_with
-- Tell whether anybody has some bytes.
select 1 from upload where digest = $1 limit 1;

-- name: upload_tenant
-- Tell whose a connection is.
select tenant from connection where id = $1;

-- name: drop_file
-- Let go of bytes that are kept here.
delete from file where digest = $1;
