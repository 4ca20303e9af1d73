-- Messages that are queued and about which somebody has to decide wait in no lane; a list of what is queued has them too.
create index message_queued_parked on message (id) where state = 'queued' and parked;
