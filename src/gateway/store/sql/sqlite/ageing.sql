-- name: drop_webhooks
-- Forget webhooks.
delete from webhook where sequence in (select value from json_each(?1));

-- name: drop_events
-- Forget events that no handler has and no endpoint waits for.
delete from event
where id in (select value from json_each(?1)) and held_until is null
    and not exists (select 1 from forwarding where forwarding.sequence = event.sequence)
    and not exists (select 1 from delivery where delivery.event = event.id and delivery.state = 'pending')
returning id;

-- name: drop_messages
-- Forget messages that have ended.
delete from message where id in (select value from json_each(?1)) and not waiting returning id;

-- name: clear_answers
-- Forget what receivers answered to the deliveries of events.
update delivery_attempt set answer = null
where delivery in (select id from delivery where event in (select value from json_each(?1))) and answer is not null;
