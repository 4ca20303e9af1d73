-- PostgreSQL reads no JSON with U+0000 in it, which a caller's own words may hold: another character is read instead.

-- name: list_messages
-- List messages of some connections, newest first: of a chat, of a state, of a kind, where one is given.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message
where connection = any($1::text[]) and id < $2 and lane <> 'erased'
    and ($3::text is null or lane = $3) and ($4::text is null or state = $4) and ($5::text is null or kind = $5)
order by id desc limit $6;

-- name: list_events
-- List events of some connections, newest first: of a chat, of some types, of a message, with an outcome, of a state, where they are given.
select sequence, lane, outcome, tries, retry_at, error, body from event
where connection = any($1::text[]) and sequence < $2 and lane <> 'erased'
    and ($3::text is null or lane = $3)
    and (cardinality($4::text[]) = 0 or replace(body, '\u0000', '\u0001')::json ->> 'type' = any($4::text[]))
    and ($5::text is null or message = $5) and ($7::text is null or outcome = $7)
    and ($8::text is null or replace(body, '\u0000', '\u0001')::json ->> 'state' = $8)
order by sequence desc limit $6;

-- name: follow_events
-- List events of some connections in the order they came: of a chat, of some types, of a message, with an outcome, of a state, where they are given.
select sequence, lane, outcome, tries, retry_at, error, body from event
where connection = any($1::text[]) and sequence > $2 and lane <> 'erased'
    and ($3::text is null or lane = $3)
    and (cardinality($4::text[]) = 0 or replace(body, '\u0000', '\u0001')::json ->> 'type' = any($4::text[]))
    and ($5::text is null or message = $5) and ($7::text is null or outcome = $7)
    and ($8::text is null or replace(body, '\u0000', '\u0001')::json ->> 'state' = $8)
order by sequence limit $6;

-- name: last_event
-- Tell how far the events have come.
select coalesce(max(sequence), 0) from event;

-- name: event_before
-- Tell how far the events had come at a time; those that were fetched later count by the time at which they came.
select coalesce(
    (select min(sequence) - 1 from event where received_at >= $1),
    (select max(sequence) from event),
    0
);

-- name: list_webhooks
-- List webhooks of some connections, newest first; with a 1 behind it only those in quarantine.
select sequence, connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where connection = any($1::text[]) and sequence < $2 and ($3 = 0 or quarantine is not null)
order by sequence desc limit $4;

-- name: webhook_of_event
-- Find the webhooks of a connection that an event was made of.
select sequence, connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where connection = $1 and events::jsonb ? $2::text
order by sequence limit $3;

-- name: list_chats
-- List the chats of some connections by their last event, the latest first; with a 1 behind it only direct ones.
select event.sequence, event.lane, event.outcome, event.tries, event.retry_at, event.error, event.body from event
where event.connection = any($1::text[]) and event.sequence < $2 and event.lane like 'chat\_%' escape '\'
    and not exists (
        select 1 from event as later where later.lane = event.lane and later.sequence > event.sequence
    )
    and ($3 = 0 or replace(event.body, '\u0000', '\u0001')::json -> 'chat' ->> 'kind' = 'direct')
order by event.sequence desc limit $4;

-- name: list_consents
-- List what addresses said on some connections, by connection and address; with 0 or 1 only who does or does not agree.
select connection, address, agreed, source, changed_at from consent
where connection = any($1::text[]) and (connection, address) > ($2, $3)
    and ($4 < 0 or agreed::int = $4)
order by connection, address limit $5;
