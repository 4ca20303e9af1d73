-- name: integrity
-- A server looks after its own files.
select 'ok';
