-- name: walk_events
-- Go through the events of everybody in the order they came; says whether a handler has one, or an endpoint waits for it.
select
    sequence, id, connection, lane, received_at,
    held_until is not null
        or exists (select 1 from forwarding where forwarding.sequence = event.sequence)
        or exists (select 1 from delivery where delivery.event = event.id and delivery.state = 'pending'),
    body
from event where sequence > $1 order by sequence limit $2;

-- name: walk_messages
-- Go through the messages of everybody in the order they were asked for.
select id, connection, created_at, waiting, lane, request from message where id > $1 order by id limit $2;

-- name: walk_webhooks
-- Go through the webhooks of everybody in the order they came.
select sequence, connection, received_at, length(body), quarantine from webhook
where sequence > $1 order by sequence limit $2;

-- name: fade_message
-- Keep of what was asked only where it was to go.
update message set request = $2 where id = $1 and not waiting;

-- name: drop_old_inbound
-- Forget who wrote last where that was long ago.
delete from inbound where connection = $1 and received_at < $2;

-- name: drop_old_payloads
-- Forget deliveries of what is in no other table, once they have ended long ago.
delete from delivery where tenant = $1 and payload is not null and ended_at < $2;
