-- What the service keeps for its tenants. Times are whole microseconds since 1970, UTC; JSON is text.

create table tenant (
    id text primary key,
    name text not null,
    created_at integer not null,
    -- JSON: retention and limits that differ from the service's own
    settings text not null
);

create table api_key (
    id text primary key,
    tenant text not null,
    name text not null,
    -- SHA-256 of the secret, in hexadecimal
    hash text not null,
    -- JSON: a list of scopes
    scopes text not null,
    created_at integer not null,
    expires_at integer,
    last_used_at integer,
    revoked_at integer,
    -- the key that this one takes the place of
    replaces text
);

create index api_key_tenant on api_key (tenant, created_at, id);

-- One vendor account of a tenant; its id is the connection's name in the tables of the ledger.
create table connection (
    id text primary key,
    tenant text not null,
    name text not null,
    provider text not null,
    -- JSON: the provider's settings, each secret sealed
    settings text not null,
    -- the key that seals them, itself sealed by the master key named in it
    data_key text not null,
    -- JSON: policy, labels, catch_up, terms, and what else the gateway is told about it
    options text not null,
    state text not null,
    -- why it is not active, for people
    reason text,
    created_at integer not null,
    updated_at integer not null,
    -- grows with each change, so that other processes see it
    version integer not null
);

create unique index connection_name on connection (tenant, name);
create index connection_version on connection (version);

create table endpoint (
    id text primary key,
    tenant text not null,
    url text not null,
    description text not null,
    -- JSON: event types and connections that it wants; empty lists want all
    filter text not null,
    format text not null,
    -- JSON: its signing keys, sealed, with the times at which they begin and end
    secrets text not null,
    data_key text not null,
    state text not null,
    reason text,
    -- since when no delivery went through
    failing_since integer,
    -- how many failed one after the other
    failures integer not null,
    -- until when the breaker, or the receiver, keeps everything back
    closed_until integer,
    created_at integer not null,
    updated_at integer not null,
    version integer not null
);

create index endpoint_tenant on endpoint (tenant, id);

-- Events that were not yet turned into deliveries; written by a trigger in the very commit that keeps the event.
create table forwarding (
    sequence integer primary key
);

create table delivery (
    id text primary key,
    tenant text not null,
    endpoint text not null,
    event text not null,
    -- the place of its event; deliveries of one lane go in this order
    sequence integer not null,
    -- endpoint and chat
    lane text not null,
    state text not null,
    attempts integer not null,
    -- how many of them belong to the series that is under way
    tries integer not null,
    next_at integer not null,
    status integer,
    error text,
    created_at integer not null,
    ended_at integer,
    -- asked for by a person: a replay or a test, which keeps no lane of others waiting
    manual integer not null,
    -- the event itself, as JSON, where it is in no other table: a test, or one of the service's own
    payload text
);

create unique index delivery_once on delivery (event, endpoint) where manual = 0;
create index delivery_lane on delivery (lane, sequence, id) where state = 'pending';
create index delivery_endpoint on delivery (tenant, endpoint, id);
create index delivery_dead on delivery (endpoint, ended_at) where state = 'dead';
create index delivery_event on delivery (event);

-- What waits, by endpoint and chat; a row is there as long as something does.
create table forward_lane (
    lane text primary key,
    endpoint text not null,
    -- who delivers its first delivery at this moment, and until when that is believed
    holder text,
    held_until integer,
    -- when its first delivery is due, or the hold on it ends
    next_at integer not null
) without rowid;

create index forward_lane_due on forward_lane (endpoint, next_at);
create index forward_lane_held on forward_lane (endpoint, held_until) where held_until is not null;

-- How far events were handed to a sink; one process at a time does it.
create table sink (
    name text primary key,
    sequence integer not null,
    holder text,
    held_until integer
) without rowid;

create table delivery_attempt (
    delivery text not null,
    number integer not null,
    started_at integer not null,
    ended_at integer not null,
    status integer,
    error text,
    -- what the receiver said, cut
    answer text,
    primary key (delivery, number)
);

create table idempotency (
    tenant text not null,
    route text not null,
    key text not null,
    fingerprint text not null,
    -- until when the first request may still be working; null: it has ended
    held_until integer,
    status integer,
    -- JSON: headers that belong to the answer
    headers text,
    body text,
    created_at integer not null,
    primary key (tenant, route, key)
);

create index idempotency_created on idempotency (created_at);

create table audit (
    tenant text not null,
    number integer not null,
    at integer not null,
    -- who: the id of a key, `operator`, `gateway`
    actor text not null,
    action text not null,
    -- the id of what it was done to
    target text not null,
    -- JSON, without content and without secrets
    detail text not null,
    previous text not null,
    hash text not null,
    primary key (tenant, number)
);

create table upload (
    id text primary key,
    tenant text not null,
    digest text not null,
    name text not null,
    -- what it is served as
    media_type text not null,
    -- what the caller, its name and its bytes say that it is
    declared_type text,
    named_type text,
    sniffed_type text,
    size integer not null,
    -- whose message brought it, for media that was pinned
    connection text,
    event text,
    created_at integer not null,
    expires_at integer
);

create index upload_tenant on upload (tenant, created_at, id);
create index upload_digest on upload (digest);
create index upload_event on upload (event) where event is not null;
create index upload_expires on upload (expires_at) where expires_at is not null;

-- Whoever was erased and had opted out stays opted out, without being named.
create table suppression (
    connection text not null,
    -- keyed hash of the address
    address text not null,
    created_at integer not null,
    primary key (connection, address)
);

-- What lists go by.
create index message_connection on message (connection, id);
create index event_connection on event (connection);
create index webhook_connection on webhook (connection);

-- What is done as it comes was kept back: no handler is called for it, and no endpoint is sent it unless somebody asks.
create trigger event_forwarding after insert on event
when new.outcome = 'pending' and exists (select 1 from endpoint where state <> 'disabled')
begin
    insert into forwarding (sequence) values (new.sequence);
end;
