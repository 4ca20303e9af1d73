-- name: drop_webhooks
-- Forget webhooks.
delete from webhook where sequence = any($1::bigint[]);

-- name: drop_events
-- Forget events that no handler has and no endpoint waits for.
delete from event
where id = any($1::text[]) and held_until is null
    and not exists (select 1 from forwarding where forwarding.sequence = event.sequence)
    and not exists (select 1 from delivery where delivery.event = event.id and delivery.state = 'pending')
returning id;

-- name: drop_messages
-- Forget messages that have ended.
delete from message where id = any($1::text[]) and not waiting returning id;

-- name: clear_answers
-- Forget what receivers answered to the deliveries of events.
update delivery_attempt set answer = null
where delivery in (select id from delivery where event = any($1::text[])) and answer is not null;
