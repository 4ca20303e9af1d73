-- name: integrity
-- Look whether the file is whole; the first problem, or ok.
select quick_check from pragma_quick_check limit 1;
