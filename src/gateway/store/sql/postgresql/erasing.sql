-- name: aliases_around
-- List the chats that are kept under one id with some chats.
select chat, kept from alias
where chat = any($1::text[]) or kept = any($1::text[]) or kept in (select kept from alias where chat = any($1::text[]));

-- name: events_about
-- List events of some connections that are in some lanes, or name somebody, in the order they came.
select sequence, id, connection, lane, body from event
where connection = any($1::text[]) and sequence > $5 and lane <> 'erased'
    and (lane = any($2::text[]) or strpos(lower(replace(replace(replace(replace(replace(body || coalesce(error, ''), ' ', ''), '-', ''), '(', ''), ')', ''), '.', '')), $3) > 0 or strpos(lower(body || coalesce(error, '')), $4) > 0)
order by sequence limit $6;

-- name: messages_about
-- List messages of some connections that are in some lanes, or name somebody, by id.
select id, connection, lane, coalesce(key, ''), request, request || adaptations || coalesce(error, '') || coalesce(key, '') from message
where connection = any($1::text[]) and id > $5 and lane <> 'erased'
    and (lane = any($2::text[]) or strpos(lower(replace(replace(replace(replace(replace(request || adaptations || coalesce(error, '') || coalesce(key, ''), ' ', ''), '-', ''), '(', ''), ')', ''), '.', '')), $3) > 0 or strpos(lower(request || adaptations || coalesce(error, '') || coalesce(key, '')), $4) > 0)
order by id limit $6;

-- name: webhooks_about
-- List webhooks of some connections of which some events were made, or that name somebody, in the order they came.
select sequence, headers || encode(body, 'escape') || coalesce(quarantine, ''), events from webhook
where connection = any($1::text[]) and sequence > $5 and length(body) > 0
    and (events::jsonb ?| $2::text[] or strpos(lower(replace(replace(replace(replace(replace(headers || encode(body, 'escape') || coalesce(quarantine, ''), ' ', ''), '-', ''), '(', ''), ')', ''), '.', '')), $3) > 0 or strpos(lower(headers || encode(body, 'escape') || coalesce(quarantine, '')), $4) > 0)
order by sequence limit $6;

-- name: steps_of_messages
-- Read what steps hold that says where they went: action, call, receipt and tokens.
select message, position, action, receipt, token from step where message = any($1::text[]);

-- name: erase_events
-- Leave of events that they were there: who redelivers them is told that we know them.
update event set
    lane = 'erased', message = null, outcome = 'done', retry_at = null, held_until = null, error = null,
    body = (
        select new.body from unnest($1::text[], $2::text[]) as new (id, body) where new.id = event.id
    )
where id = any($1::text[]);

-- name: erase_runs
-- Forget what handlers said about events.
delete from run where event = any($1::text[]);

-- name: erase_webhooks
-- Leave of webhooks that they were there.
update webhook set headers = '[]', body = ''::bytea, quarantine = null
where sequence = any($1::bigint[]);

-- name: erase_messages
-- Leave of messages that their keys were used; none of them waits any more.
update message set
    lane = 'erased', request = '{}', fingerprint = 'erased', adaptations = '[]', state = 'cancelled', error = null,
    parked = false, waiting = false, steps = 0
where id = any($1::text[]);

-- name: forget_keys
-- Forget the keys of messages that name somebody themselves.
update message set key = null where id = any($1::text[]);

-- name: erase_steps
-- Forget the steps of messages.
delete from step where message = any($1::text[]);

-- name: erase_attempts
-- Forget the attempts of messages.
delete from attempt where message = any($1::text[]);

-- name: erase_tokens
-- Forget tokens.
delete from token where token = any($1::text[]);

-- name: erase_proofs
-- Forget what came back with tokens.
delete from proof where token = any($1::text[]);

-- name: erase_owners
-- Forget whose the vendor's ids on a connection are.
delete from owner where connection = $1 and vendor_id = any($2::text[]);

-- name: erase_facts
-- Forget what was reported about the vendor's ids on a connection.
delete from fact where connection = $1 and vendor_id = any($2::text[]);

-- name: erase_lanes
-- Forget lanes in which nothing is left.
delete from lane where lane = any($1::text[]) and not exists (select 1 from message where message.lane = lane.lane);

-- name: erase_event_lanes
-- Forget lanes of events in which nothing is left.
delete from event_lane
where lane = any($1::text[]) and not exists (select 1 from event where event.lane = event_lane.lane);

-- name: erase_inbound
-- Forget who wrote last in chats.
delete from inbound where chat = any($1::text[]);

-- name: erase_aliases
-- Forget under which ids chats are kept.
delete from alias where chat = any($1::text[]) or kept = any($1::text[]);

-- name: erase_cursors
-- Forget that conversations have begun.
delete from cursor where name = any($1::text[]);

-- name: erase_buckets
-- Forget how fast somebody was written to: what stands behind the last colon names a chat.
delete from bucket where right(key, 31) = any($1::text[]);

-- name: erase_consents
-- Forget what was said by the names of some chats; gives it.
delete from consent where chat = any($1::text[]) returning connection, address, agreed, source, changed_at;

-- name: words_of_chats
-- List what was said by the names of some chats.
select connection, address, agreed, source, changed_at from consent where chat = any($1::text[]) order by connection, address;

-- name: erase_deliveries
-- Forget the deliveries of events that have ended.
delete from delivery where event = any($1::text[]) and state <> 'pending';

-- name: erase_delivery_attempts
-- Forget the attempts of deliveries that are no longer there, and what receivers answered of events.
delete from delivery_attempt where delivery in (select id from delivery where event = any($1::text[]));

-- name: erase_idempotency
-- Forget requests of a tenant whose keys or answers name somebody.
delete from idempotency where tenant = $1 and (strpos(lower(replace(replace(replace(replace(replace(key, ' ', ''), '-', ''), '(', ''), ')', ''), '.', '')), $2) > 0 or strpos(lower(key || coalesce(body, '')), $3) > 0);

-- name: erase_uploads
-- Forget files that events brought, and those that are named.
delete from upload where tenant = $1 and (event = any($2::text[]) or digest = any($3::text[])) returning digest;

-- name: digests_needed
-- Find which of some digests a file of anybody still has.
select digest from upload where digest = any($1::text[]);

-- name: erase_files
-- Forget bytes that were kept to be served.
delete from file where digest = any($1::text[]);

-- name: steps_with
-- Find whether anything that is to be sent, or was, names a file.
select 1 from step where strpos(action, $1) > 0 limit 1;

-- name: add_suppression
-- Keep that somebody opted out, without saying who.
insert into suppression (connection, address, created_at) values ($1, $2, $3) on conflict do nothing;

-- name: suppressions
-- List who opted out of some connections and was erased, each as a keyed hash.
select connection, address, created_at from suppression where connection = any($1::text[]);

-- name: renumber_connections
-- Let other processes look at connections again.
update connection set version = $2 where id = any($1::text[]);

-- name: redact_event
-- Put another body in the place of an event's, unless it was handed over in the meantime and written anew.
update event set body = $3, error = null where id = $1 and body = $2 returning id;

-- name: redact_message
-- Put another request in the place of a message's that has ended.
update message set request = $2, adaptations = $3, error = $4, key = $5
where id = $1 and not waiting;

-- name: redact_step
-- Put another action and receipt in the place of a step's, and forget its call.
update step set action = $3, receipt = $4, call = null where message = $1 and position = $2;

-- name: redact_attempts
-- Forget the calls and answers of the attempts of a message.
update attempt set call = null, detail = null where message = $1;
