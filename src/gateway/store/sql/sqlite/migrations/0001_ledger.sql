-- The ledger. Times are whole microseconds since 1970, UTC; JSON is text; truth is 0 or 1.

-- The way out: messages wait in the lane of their chat.

create table message (
    id text not null unique,
    connection text not null,
    lane text not null,
    kind text not null,
    request text not null,
    fingerprint text not null,
    key text,
    adaptations text not null,
    steps integer not null,
    created_at integer not null,
    due_at integer not null,
    expires_at integer,
    priority integer not null,
    state text not null,
    generation integer not null,
    error text,
    parked integer not null,
    waiting integer not null -- the worker has something to do with it
);

create unique index message_key on message (key) where key is not null;
create index message_waiting on message (lane, due_at, id, priority) where waiting;
create index message_ended on message (state, id) where state not in ('accepted', 'queued');

create table step (
    message text not null,
    position integer not null,
    action text not null,
    token text not null,
    pause real not null,
    indexes text not null,
    state text not null,
    attempts integer not null,
    first_at integer,
    call text,
    doubt integer not null,
    receipt text,
    unique (message, position)
);

create table token (
    token text not null primary key,
    message text not null,
    position integer not null
) without rowid;

create table owner (
    connection text not null,
    vendor_id text not null,
    message text not null,
    position integer not null,
    primary key (connection, vendor_id)
) without rowid;

create table attempt (
    message text not null,
    generation integer not null,
    step integer not null,
    number integer not null,
    started_at integer not null,
    call text,
    ended_at integer,
    outcome text,
    status integer,
    detail text,
    unique (message, generation, step, number)
);

create table lane (
    lane text not null primary key,
    connection text not null,
    fence integer not null default 0,
    held_until integer,
    head text,
    not_before integer not null default 0,
    priority integer not null default 1,
    next_at integer -- null: nothing waits
) without rowid;

create index lane_due on lane (connection, priority, next_at, lane) where next_at is not null;

-- Every connection and priority that a message ever had: what a claim goes through, instead of through all lanes.
create table queue (
    connection text not null,
    priority integer not null,
    primary key (connection, priority)
) without rowid;

create table depth (
    connection text not null,
    shard integer not null,
    waiting integer not null,
    primary key (connection, shard)
) without rowid;

create table bucket (
    key text not null primary key,
    arrival integer not null
) without rowid;

-- The way in: events wait in the lane of their chat for the handlers.

create table webhook (
    sequence integer primary key,
    connection text not null,
    digest text not null,
    headers text not null,
    body blob not null,
    received_at integer not null,
    quarantine text,
    repeats integer not null,
    events text not null,
    unique (connection, digest)
);

create index webhook_received on webhook (received_at);
create index webhook_quarantine on webhook (sequence) where quarantine is not null;

create table event (
    sequence integer primary key autoincrement,
    id text not null unique,
    connection text not null,
    lane text not null,
    message text,
    received_at integer not null,
    outcome text not null,
    tries integer not null default 0,
    retry_at integer,
    error text,
    held_until integer,
    body text not null
);

create index event_chat on event (lane); -- and, as every index here, by the row: in the order they came
create index event_held on event (lane, held_until) where held_until is not null;
create index event_message on event (message, sequence) where message is not null;

create table event_lane (
    lane text not null primary key,
    head integer,
    next_at integer, -- null: nothing is pending
    past integer not null default 0 -- no event before it is pending: the first one that is, is looked for from there
) without rowid;

create index event_lane_due on event_lane (next_at, head) where next_at is not null;

-- New events come behind all others; one that is pending again, or comes from another lane, may be before.
create trigger event_again after update of outcome on event
when new.outcome = 'pending' and old.outcome <> 'pending'
begin
    update event_lane set past = min(past, new.sequence) where lane = new.lane;
end;

create trigger event_moved after update of lane on event when new.outcome = 'pending'
begin
    update event_lane set past = min(past, new.sequence) where lane = new.lane;
end;

create table run (
    sequence integer primary key,
    event text not null,
    handler text not null,
    started_at integer not null,
    ended_at integer not null,
    error text
);

create index run_event on run (event, sequence);

create table fact (
    connection text not null,
    vendor_id text not null,
    source text not null,
    state text not null,
    received_at integer not null,
    occurred_at integer,
    channel text,
    code text,
    reason text,
    certain integer not null,
    primary key (connection, vendor_id, source)
) without rowid;

create table proof (
    token text not null,
    vendor_id text not null,
    sequence integer not null,
    primary key (token, vendor_id)
) without rowid;

create table inbound (
    chat text not null,
    connection text not null,
    vendor_id text not null,
    received_at integer not null,
    primary key (chat, connection)
) without rowid;

create table alias (
    chat text not null primary key,
    kept text not null
) without rowid;

create index alias_kept on alias (kept);

create table consent (
    connection text not null,
    address text not null,
    agreed integer not null,
    source text not null,
    changed_at integer not null,
    -- the chat with the address: one contact may have several, which are linked by their chats
    chat text not null,
    primary key (connection, address)
) without rowid;

create index consent_chat on consent (chat);

create table cursor (
    name text not null primary key,
    value text not null
) without rowid;

create table file (
    digest text not null unique,
    name text not null,
    media_type text not null,
    data blob not null,
    kept_at integer not null
);
