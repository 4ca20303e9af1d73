-- name: enqueue
-- Keep messages whose key and id are free, with their steps; returns the ids of those that were kept.
select ledger_enqueue($1, $2, $3, $4, $5, $6);

-- name: mark
-- Write that attempts start, each if its lane is still held and its limits leave room.
select held, untils, limits, befores, afters from ledger_mark($1, $2, $3, $4, $5, $6, $7, $8);

-- name: settle
-- Give lanes back, each if it is still held, and write what the attempts in them came to; tells which were held, when
-- the first of them is due again, and what is at the head of those that are held again.
select * from ledger_settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);
