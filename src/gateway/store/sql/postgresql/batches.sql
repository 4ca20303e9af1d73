-- name: enqueue
-- Keep messages whose key and id are free, with their steps; returns the ids of those that were kept.
select ledger_enqueue(
    $1, $2, $3, $4, $5,
    $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
    $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35
);

-- name: mark
-- Write that attempts start, each if its lane is still held and its limits leave room.
select held, untils, limits, befores, afters from ledger_mark(
    $1, $2, $3,
    $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
    $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
    $26, $27, $28, $29, $30
);

-- name: settle
-- Give lanes back, each if it is still held, and write what the attempts in them came to; tells which were held, and
-- when the first of them is due again.
select held, due from ledger_settle_2(
    $1, $2, $3, $4,
    $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
    $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27,
    $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38,
    $39, $40, $41, $42, $43,
    $44, $45, $46, $47
);
