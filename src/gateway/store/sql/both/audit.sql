-- name: add_audit
-- Write a line of a tenant's chain.
insert into audit (tenant, number, at, actor, action, target, detail, previous, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: audit_down
-- List the lines of a chain, newest first.
select tenant, number, at, actor, action, target, detail, previous, hash
from audit where tenant = $1 and number < $2 order by number desc limit $3;

-- name: audit_up
-- List the lines of a chain, oldest first.
select tenant, number, at, actor, action, target, detail, previous, hash
from audit where tenant = $1 and number > $2 order by number limit $3;
