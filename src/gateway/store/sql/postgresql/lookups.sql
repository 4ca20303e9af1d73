-- name: message_list
-- List messages, newest first.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message order by id desc limit $1::bigint;

-- name: message_list_accepted
-- List messages that were accepted, newest first.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where state = 'accepted' order by id desc limit $1::bigint;

-- name: message_list_queued
-- List messages that wait to leave, newest first, and those that would if nobody had to decide about them.
select * from (
    select
        id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
        priority, state, generation, error, parked
    from message where state = 'queued' and waiting
    union all
    select
        id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
        priority, state, generation, error, parked
    from message where state = 'queued' and parked
) as queued order by id desc limit $1::bigint;

-- name: message_list_of
-- List messages in any other state, newest first.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message where state = $1 and state not in ('accepted', 'queued') order by id desc limit $2::bigint;

-- name: message_list_parked
-- List the messages of a connection whose outcome is unknown and that wait for a person, newest first, from an id down.
select
    id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
    priority, state, generation, error, parked
from message
where state = 'unknown' and state not in ('accepted', 'queued') and parked and connection = $1 and id < $2
order by id desc limit $3::bigint;

-- name: message_list_ending
-- List the queued messages of a connection whose time runs out, the soonest first, by the lanes that have any waiting.
select
    message.id, message.connection, message.lane, kind, request, fingerprint, key, adaptations, steps, created_at,
    due_at, expires_at, message.priority, state, generation, error, parked
from lane join message on message.lane = lane.lane
where lane.connection = $1 and lane.next_at is not null and waiting and state = 'queued' and expires_at is not null
order by expires_at, message.id limit $2;

-- name: messages_open
-- List the messages of a lane whose outcome is unknown, and the first hundred that wait in it, oldest first.
select * from (
    select
        id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
        priority, state, generation, error, parked
    from message
    where state = 'unknown' and state not in ('accepted', 'queued') and lane = $1
    union all
    select * from (
        select
            id, connection, lane, kind, request, fingerprint, key, adaptations, steps, created_at, due_at, expires_at,
            priority, state, generation, error, parked
        from message
        where lane = $1 and waiting and state = 'queued'
        order by due_at, id limit 100
    ) as queued
) as begun order by id;

-- name: depth
-- Count the rows of a connection that wait to leave.
select coalesce(sum(waiting), 0) from depth where connection = $1;

-- name: buckets
-- Read the theoretical arrival time of buckets.
select key, arrival from bucket where key = any($1::text[]);

-- name: step_by_token
-- Find the step that a token belongs to.
select
    step.message, step.position, action, step.token, pause, indexes, state, attempts, first_at, call, doubt, receipt
from token join step on step.message = token.message and step.position = token.position
where token.token = $1;

-- name: step_by_owner
-- Find the step that a vendor's id belongs to.
select
    step.message, step.position, action, token, pause, indexes, state, attempts, first_at, call, doubt, receipt
from owner join step on step.message = owner.message and step.position = owner.position
where owner.connection = $1 and owner.vendor_id = $2;

-- name: proofs
-- List the vendor's ids that came back with a token, in the order they came.
select vendor_id from proof where token = $1 order by sequence;

-- name: attempts
-- List the attempts of a message, oldest first.
select message, generation, step, number, started_at, call, ended_at, outcome, status, detail
from attempt where message = $1 order by generation, step, number;

-- name: facts
-- List what was reported about some of the vendor's ids, oldest first.
select connection, vendor_id, source, state, received_at, occurred_at, channel, code, reason, certain
from fact where connection = $1 and vendor_id = any($2::text[])
order by received_at, vendor_id, source;

-- name: event
-- Read an event by its id.
select sequence, lane, outcome, tries, retry_at, error, body from event where id = $1;

-- name: event_list
-- List events from a number on.
select sequence, lane, outcome, tries, retry_at, error, body from event
where sequence > $1::bigint order by sequence limit $2::bigint;

-- name: events_to_pin
-- List events from a number on of connections that want media kept.
select event.sequence, event.lane, event.outcome, event.tries, event.retry_at, event.error, event.body
from event join connection on connection.id = event.connection
where event.sequence > $1::bigint and connection.options::json ->> 'pin_media' = 'true'
order by event.sequence limit $2::bigint;

-- name: events_of
-- List the events that are about a message, oldest first.
select sequence, lane, outcome, tries, retry_at, error, body from event where message = $1 order by sequence;

-- name: webhook_list
-- List webhooks since a time, of one connection or all, newest first.
select connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where received_at >= $1::bigint and ($2::text is null or connection = $2::text) order by sequence desc limit $3::bigint;

-- name: webhook_list_quarantined
-- List webhooks since a time that could not be parsed, of one connection or all, newest first.
select connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where received_at >= $1::bigint and ($2::text is null or connection = $2::text) and quarantine is not null
order by sequence desc limit $3::bigint;

-- name: follow_webhooks
-- List webhooks since a time in the order they came, from a number on, of one connection or all.
select sequence, connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where sequence > $1::bigint and received_at >= $2::bigint and ($3::text is null or connection = $3::text)
order by sequence limit $4::bigint;

-- name: follow_quarantined
-- List webhooks since a time that could not be parsed in the order they came, from a number on, of one connection or all.
select sequence, connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where sequence > $1::bigint and received_at >= $2::bigint and ($3::text is null or connection = $3::text) and quarantine is not null
order by sequence limit $4::bigint;

-- name: webhooks_of
-- List the webhooks of a connection since a time that any of some events were made of, oldest first.
select connection, digest, headers, body, received_at, quarantine, repeats, events from webhook
where connection = $1 and received_at >= $3::bigint and events::jsonb ?| $2::text[]
order by sequence limit $4::bigint;

-- name: runs
-- List the runs of handlers for an event, oldest first.
select event, handler, started_at, ended_at, error from run where event = $1 order by sequence;

-- name: last_inbound
-- Find the last message that a contact wrote in a chat, under the id that the chat is kept under.
select vendor_id, received_at from inbound
where chat = coalesce((select kept from alias where alias.chat = $2::text), $2::text) and connection = $1;

-- name: consent
-- Read the latest word of a contact, by whichever name of their chat they said it; of two at one time the no. The names
-- are an array, for a server that has not counted the rows yet would join them by reading all there are.
with mine (kept) as (select coalesce((select kept from alias where alias.chat = $1::text), $1::text))
select connection, address, agreed, source, changed_at from consent
where chat = any(array(select kept from mine union all select alias.chat from mine join alias on alias.kept = mine.kept))
order by changed_at desc, agreed, address limit 1;

-- name: cursor
-- Read how far something was read.
select value from cursor where name = $1;

-- name: canonical
-- Find the id under which a chat is kept.
select kept from alias where chat = $1;

-- name: chat_names
-- List the ids that a chat is known by, the one that it is kept under first.
with mine (kept) as (select coalesce((select kept from alias where alias.chat = $1::text), $1::text))
select kept as name, 0 as place from mine
union all
select alias.chat, 1 from mine join alias on alias.kept = mine.kept
order by place, name;

-- name: lane_rests
-- Tell until when a lane was asked to wait, where that is not over.
select not_before from lane where lane = $1 and not_before > $2::bigint;

-- name: undecided
-- Say when the steps of a lane began that may be with the vendor: of its head, or, where a process died and something came
-- before what it had begun, of one of the first that wait. What waits for a person is not among them.
select coalesce(step.first_at, first.created_at) from (
    select message.id, message.created_at from lane join message on message.id = lane.head
    where lane.lane = $1 and message.waiting
    union
    (select id, created_at from message where lane = $1 and waiting order by due_at, id limit 100)
) as first join step on step.message = first.id
where step.state in ('started', 'unknown') or step.doubt;

-- name: file
-- Read bytes by their digest.
select digest, name, media_type, data, kept_at from file where digest = $1;
